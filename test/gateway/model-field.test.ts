import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { readModelBody } from "../../src/gateway/model-field.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function multipart(form: FormData): Promise<{ bytes: Uint8Array; type: string }> {
  const blob = await new Response(form).blob();
  return { bytes: await blob.bytes(), type: blob.type };
}

describe("a JSON body", () => {
  test("gets another model and keeps every other byte", () => {
    const body = readModelBody(utf8('{ "prompt":"é",\t"model" : "alias","n":1.0 }'), "application/json", 32);
    expect(body.model).toBe("alias");
    const { body: changed, contentType } = body.withModel("vendor/ü");
    expect(textOf(changed)).toBe('{ "prompt":"é",\t"model" : "vendor/ü","n":1.0 }');
    expect(contentType).toBe("application/json");
  });

  test("without a model gets one", () => {
    const body = readModelBody(utf8('{"input":"x"}'), null, 32);
    expect(body.model).toBeUndefined();
    expect(JSON.parse(textOf(body.withModel("m").body))).toEqual({ input: "x", model: "m" });
  });

  test("that is none is refused", () => {
    for (const text of ["", "[]", "{", "nope"]) expect(() => readModelBody(utf8(text), null, 32)).toThrow();
  });
});

describe("a multipart body", () => {
  const file = new File([new Uint8Array([0, 13, 10, 45, 45, 255, 128])], 'a"model".wav', { type: "audio/wav" });

  test("gets another model; files stay as they are, wherever the model stands", async () => {
    for (const order of ["first", "last"]) {
      const form = new FormData();
      if (order === "first") form.append("model", "alias");
      form.append("file", file);
      form.append("prompt", "grüße");
      if (order === "last") form.append("model", "alias");
      const { bytes, type } = await multipart(form);
      const body = readModelBody(bytes, type, 32);
      expect(body.model).toBe("alias");
      const { body: changed, contentType } = body.withModel("whisper-1");
      const read = await new Response(changed, { headers: { "content-type": contentType } }).formData();
      expect(read.get("model")).toBe("whisper-1");
      expect(read.get("prompt")).toBe("grüße");
      const sent = read.get("file") as unknown as File;
      expect(await sent.bytes()).toEqual(await file.bytes());
    }
  });

  test("without a model gets one", async () => {
    const form = new FormData();
    form.append("file", file);
    const { bytes, type } = await multipart(form);
    const body = readModelBody(bytes, type, 32);
    expect(body.model).toBeUndefined();
    const { body: changed, contentType } = body.withModel("m");
    const read = await new Response(changed, { headers: { "content-type": contentType } }).formData();
    expect(read.get("model")).toBe("m");
  });

  test("tells how much of it is files", async () => {
    const form = new FormData();
    form.append("model", "m");
    form.append("file", file);
    form.append("file", new File(["x".repeat(5000)], "b"));
    const { bytes, type } = await multipart(form);
    const size = readModelBody(bytes, type, 32).form;
    expect(size).toEqual({ files: 2, fileBytes: 5007, otherBytes: bytes.length - 5007 });
    expect(readModelBody(utf8("{}"), null, 32).form).toBeUndefined();
  });

  test("a file that looks like the model's part is not taken for it", async () => {
    const form = new FormData();
    const trap = '\r\nContent-Disposition: form-data; name="model"\r\n\r\nevil';
    form.append("file", new File([trap], "trap.txt"));
    form.append("model", "good");
    const { bytes, type } = await multipart(form);
    expect(readModelBody(bytes, type, 32).model).toBe("good");
  });

  const refusals: Readonly<Record<string, readonly string[]>> = {
    "names its model twice": ['name="model"', 'name="model"'],
    "names it in other letters too": ['name="model"', "NAME=model"],
    "names it again in an extended form": ['name="model"', "name*=utf-8''model"],
    "has a part whose head is too long to be read": [`x="${"y".repeat(5000)}"; name="model"`],
  };

  test.each(Object.entries(refusals))("that %s is refused", (_what, names) => {
    const parts = names.map((name) => `--b\r\nContent-Disposition: form-data; ${name}\r\n\r\ndear\r\n`);
    const bytes = utf8(`${parts.join("")}--b--\r\n`);
    expect(() => readModelBody(bytes, "multipart/form-data; boundary=b", 32)).toThrow(GatewayError);
  });

  test("that is not closed is refused", () => {
    const bytes = utf8('--b\r\nContent-Disposition: form-data; name="model"\r\n\r\ndear');
    expect(() => readModelBody(bytes, "multipart/form-data; boundary=b", 32)).toThrow("not closed");
  });

  test("without a boundary is refused", () => {
    expect(() => readModelBody(utf8("--x"), "multipart/form-data", 32)).toThrow("boundary");
  });
});
