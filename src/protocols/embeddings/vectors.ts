import type { Usage } from "../../telemetry/request-record.ts";
import { isFields, type Fields } from "../fields.ts";
import { decodeErrorObject, errorObjectOf, invalidAnswer } from "../upstream-error.ts";

const bytesInFloat = 4;

/** An upstream's answer as an object. Throws the failure that it holds. */
export function readAnswer(value: unknown): Fields {
  if (!isFields(value)) throw invalidAnswer("The upstream's answer is no JSON object.");
  const failure = "error" in value ? errorObjectOf(value) : undefined;
  if (failure !== undefined) throw decodeErrorObject(failure);
  return value;
}

/** Little-endian 32-bit floats. */
export function base64OfVector(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * bytesInFloat);
  for (const [index, number] of vector.entries()) bytes.writeFloatLE(number, index * bytesInFloat);
  return bytes.toString("base64");
}

function vectorOfBase64(text: string, at: string): number[] {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length % bytesInFloat !== 0)
    throw invalidAnswer(`The upstream's \`${at}\` is no list of 32-bit floats: it has ${bytes.length} bytes.`);
  return Array.from({ length: bytes.length / bytesInFloat }, (_, index) => bytes.readFloatLE(index * bytesInFloat));
}

/** A vector as numbers or as base64. Throws GatewayError (502) that names where it stands. */
export function readVector(value: unknown, at: string): readonly number[] {
  const vector: unknown = typeof value === "string" ? vectorOfBase64(value, at) : value;
  if (!Array.isArray(vector) || vector.length === 0) throw invalidAnswer(`The upstream's \`${at}\` is no vector.`);
  if (!vector.every((number) => Number.isFinite(number)))
    throw invalidAnswer(`The upstream's \`${at}\` holds something else than finite numbers.`);
  return vector as readonly number[];
}

/** Throws GatewayError (502) unless each input has its vector. */
export function checkCount<T>(vectors: readonly T[], inputs: readonly unknown[]): readonly T[] {
  if (vectors.length === inputs.length) return vectors;
  throw invalidAnswer(`The upstream gave ${vectors.length} vectors for ${inputs.length} inputs.`);
}

/** Only input costs tokens. */
export function usageOfInput(input: number | undefined): Usage | undefined {
  if (input === undefined) return undefined;
  return { input, cacheRead: undefined, cacheWrite: undefined, output: undefined, reasoning: undefined };
}
