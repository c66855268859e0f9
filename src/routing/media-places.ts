/** What stands in place of a value in some protocol's requests; a list holds several of the same. */
export type MediaPlace =
  /** A message or a part of one, whatever else leads to media, or a text. */
  | "part"
  /** Of OpenAI's responses. */
  | "item"
  /** Where a picture lies, or an object that says it. */
  | "picture"
  /** Where a file or sound lies. */
  | "link"
  /** Bytes in base64. */
  | "picture-bytes"
  | "file-bytes"
  | "sound"
  /** Anthropic's object, whose `type` says how to read its `data`. */
  | "source"
  /** Gemini's bytes, with their type. */
  | "inline";

type Names = ReadonlyMap<string, MediaPlace>;

/** All names are in small letters: servers written in Go take them in any case. */
const partNames: Names = new Map([
  ["content", "part"],
  ["parts", "part"],
  ["output", "part"],
  ["functionresponse", "part"],
  ["function_response", "part"],
  ["file", "part"],
  ["image_url", "picture"],
  ["audio_url", "link"],
  ["video_url", "link"],
  ["document_url", "link"],
  ["file_url", "link"],
  ["file_id", "link"],
  ["fileuri", "link"],
  ["file_uri", "link"],
  ["images", "picture-bytes"],
  ["input_audio", "sound"],
  ["file_data", "file-bytes"],
  ["filedata", "file-bytes"],
  ["source", "source"],
  ["inlinedata", "inline"],
  ["inline_data", "inline"],
]);

const namesIn: Readonly<Record<MediaPlace, Names>> = {
  part: partNames,
  // Pictures that the model has made come back in `result`.
  item: new Map([...partNames, ["result", "picture-bytes"]]),
  picture: new Map([["url", "picture"]]),
  link: new Map([["url", "link"]]),
  // OpenRouter's pictures of an earlier answer are parts.
  "picture-bytes": partNames,
  // Gemini's file of that name only says where it lies.
  "file-bytes": partNames,
  sound: new Map([["data", "sound"]]),
  source: new Map([
    ["url", "link"],
    ["file_id", "link"],
    ["content", "part"],
  ]),
  inline: new Map(),
};

const bodyNames: Names = new Map([
  ["messages", "part"],
  ["input", "item"],
  ["contents", "part"],
  ["content", "part"],
  ["requests", "part"],
  ["systeminstruction", "part"],
  ["system_instruction", "part"],
  ["images", "picture-bytes"],
]);

/** What a name stands for in an object of such a place (`body`: in the request itself); `undefined` = nothing with media in it. */
export function placeOf(name: string, outer: MediaPlace | "body"): MediaPlace | undefined {
  return (outer === "body" ? bodyNames : namesIn[outer]).get(name.toLowerCase());
}
