const safe = /^[a-zA-Z0-9_-]{1,64}$/;
const mark = "orcid_";

/** A tool call's id in letters every protocol takes; another id never gives the same text. `originalCallId` is the way back. */
export function safeCallId(id: string): string {
  if (safe.test(id) && !id.startsWith(mark)) return id;
  return mark + Buffer.from(id).toString("base64url");
}

export function originalCallId(id: string): string {
  return id.startsWith(mark) ? Buffer.from(id.slice(mark.length), "base64url").toString("utf8") : id;
}
