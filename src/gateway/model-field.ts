import { type GatewayError, invalidRequest } from "../errors.ts";
import { applyEdits, setMember } from "../lib/json-edit.ts";
import { bytesOfLatin1, latin1Of, latin1OfUtf8, utf8OfLatin1 } from "../lib/latin1.ts";
import { memberOf, readModel, scanRequest } from "../protocols/request-scan.ts";

export interface FormSize {
  files: number;
  fileBytes: number;
  /** Of everything but the files. */
  otherBytes: number;
}

/** A body that names its model somewhere, and the way to another name in it. */
export interface ModelBody {
  /** As asked; `undefined` when it names none. */
  model: string | undefined;
  /** Of a JSON body (latin1); empty for others. */
  text: string;
  /** What else a body holds that is no JSON. */
  form?: FormSize | undefined;
  /** Throws nothing; everything but the name stays. */
  withModel(model: string): { body: Uint8Array<ArrayBuffer>; contentType: string };
}

function readJson(bytes: Uint8Array, maxDepth: number): ModelBody {
  const text = latin1Of(bytes);
  const object = scanRequest(text, maxDepth, "model");
  return {
    model: readModel(text, memberOf(object, "model")),
    text,
    withModel(model) {
      const edits = setMember(object, "model", latin1OfUtf8(JSON.stringify(model)));
      return { body: bytesOfLatin1(applyEdits(text, edits)), contentType: "application/json" };
    },
  };
}

const boundaryOf = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i;
const disposition = /^content-disposition:[ \t]*form-data;/i;
/** Also in the extended form, which gets no part past those who read it. */
const modelName = /;[ \t]*name(?:\*?=(?:"model"|model(?=[;\s]|$))|\*=[^;]*'model(?=[;\s]|$))/i;
const fileName = /;[ \t]*filename\*?=/i;
const longestPartHead = 4096;

function says(head: string, what: RegExp): boolean {
  return head.split("\r\n").some((line) => disposition.test(line) && what.test(line));
}

interface Range {
  start: number;
  end: number;
}

function brokenForm(problem: string): GatewayError {
  return invalidRequest(`The multipart body ${problem}.`, "model");
}

interface Form {
  /** Where the value of the part named `model` stands. */
  model: Range | undefined;
  size: FormSize;
}

/** Files are stepped over and never looked into. Throws GatewayError (400) where somebody else may find another model. */
function readForm(text: string, boundary: string): Form {
  const mark = `--${boundary}`;
  let model: Range | undefined;
  const size: FormSize = { files: 0, fileBytes: 0, otherBytes: text.length };
  for (let at = text.indexOf(mark); at !== -1;) {
    const head = at + mark.length;
    const end = text.indexOf(`\r\n${mark}`, head);
    if (end === -1) {
      if (!text.startsWith("--", head)) throw brokenForm("is not closed");
      break;
    }
    // Only the part's own beginning is searched: however many parts there are, every byte is looked at once.
    const part = text.slice(head, Math.min(end + 2, head + longestPartHead));
    const gap = part.indexOf("\r\n\r\n");
    if (gap === -1) throw brokenForm("has a part whose head does not end");
    const names = part.slice(0, gap);
    const start = Math.min(head + gap + 4, end);
    if (says(names, modelName)) {
      if (model !== undefined) throw brokenForm("has more than one part named `model`");
      model = { start, end };
    }
    if (says(names, fileName)) {
      size.files += 1;
      size.fileBytes += end - start;
    }
    at = end + 2;
  }
  size.otherBytes -= size.fileBytes;
  return { model, size };
}

/** The value of the part named `model` is replaced where it stands. */
function readMultipart(bytes: Uint8Array, contentType: string): ModelBody {
  const match = boundaryOf.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw invalidRequest("The content-type multipart/form-data has no boundary.");
  const text = latin1Of(bytes);
  const { model: range, size } = readForm(text, boundary);
  const model = range === undefined ? "" : utf8OfLatin1(text.slice(range.start, range.end)).trim();
  return {
    model: model === "" ? undefined : model,
    text: "",
    form: size,
    withModel(name) {
      const value = latin1OfUtf8(name);
      if (range !== undefined)
        return { body: bytesOfLatin1(text.slice(0, range.start) + value + text.slice(range.end)), contentType };
      const part = `--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n${value}\r\n`;
      return { body: bytesOfLatin1(part + text), contentType };
    },
  };
}

/** Reads JSON and multipart bodies. Throws GatewayError (400) for what is neither. */
export function readModelBody(bytes: Uint8Array, contentType: string | null, maxDepth: number): ModelBody {
  if (contentType?.toLowerCase().startsWith("multipart/form-data") === true) return readMultipart(bytes, contentType);
  return readJson(bytes, maxDepth);
}
