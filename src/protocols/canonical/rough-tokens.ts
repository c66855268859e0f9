/** Guesses that must be at hand at once, by length and kind alone. */

const bytesPerToken = 4;
/** A picture, however large, wherever it lies. */
export const imageTokens = 1000;
/** A page is 1,500 tokens and some 50 kB of a PDF. */
const pageTokens = 1500;
const pageBytes = 50_000;
/** Sound is about 32 tokens a second, and a second 16 to 32 kB. */
const audioBytesPerToken = 1000;
/** Of a sound or file that lies elsewhere nobody knows the size. */
export const remoteTokens = 1500;
/**
 * What is sent to be written down may be packed tighter: a second of a voice message is 2 kB. OpenAI asks 0.006 USD a
 * minute or 6 USD a million tokens for it, so a minute is 1,000 tokens.
 */
const uploadedAudioBytesPerToken = 120;

/** Files whose bytes are more than their words; of any other they may be the words themselves. */
const packedType = /^(?:application\/(?:pdf$|vnd\.)|video\/)/;

/** Tokens of a text of so many bytes. */
export function roughTokens(bytes: number): number {
  return Math.ceil(bytes / bytesPerToken);
}

/** Tokens of so many characters of base64, by what they are (in small letters). */
export function inlineTokens(mediaType: string, characters: number): number {
  const bytes = Math.floor((characters * 3) / 4);
  if (mediaType.startsWith("image/")) return imageTokens;
  if (mediaType.startsWith("audio/")) return Math.ceil(bytes / audioBytesPerToken);
  if (packedType.test(mediaType)) return Math.max(1, Math.ceil(bytes / pageBytes)) * pageTokens;
  return roughTokens(bytes);
}

/** Tokens of a file of sound that is sent as it is. */
export function uploadedAudioTokens(bytes: number): number {
  return Math.ceil(bytes / uploadedAudioBytesPerToken);
}
