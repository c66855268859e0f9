import { chaining, image, plain, reasoning, stream, structured, usageNumbers } from "./checks/conversation.ts";
import { count, embeddings, images, models, moderations, speech, transcription } from "./checks/endpoints.ts";
import { abort, error } from "./checks/failures.ts";
import { signatures, tools } from "./checks/tools.ts";
import type { ClientDriver } from "./driver.ts";
import type { Pairing } from "./pairing.ts";

export const features = [
  "models",
  "plain",
  "stream",
  "tools",
  "image",
  "structured",
  "error",
  "abort",
  "usage",
  "reasoning",
  "signatures",
  "chaining",
  "count",
  "embeddings",
  "images",
  "speech",
  "transcription",
  "moderations",
] as const;

export type Feature = (typeof features)[number];

interface FeatureCheck {
  /** Whether the client has it at all. */
  isOffered(driver: ClientDriver): boolean;
  /** Rejects with what is wrong. */
  run(pairing: Pairing): Promise<void>;
}

const converses = (driver: ClientDriver) => driver.ask !== undefined;
/** Legacy completions are a prompt and a text. */
const isModern = (driver: ClientDriver) => converses(driver) && driver.protocol !== "openai-completions";
const hasTools = (driver: ClientDriver) => driver.useTools !== undefined;

export const featureChecks: Readonly<Record<Feature, FeatureCheck>> = {
  models: { isOffered: (driver) => driver.models !== undefined, run: models },
  plain: { isOffered: converses, run: plain },
  stream: { isOffered: converses, run: stream },
  tools: { isOffered: hasTools, run: tools },
  image: { isOffered: isModern, run: image },
  structured: { isOffered: isModern, run: structured },
  error: { isOffered: converses, run: error },
  abort: { isOffered: converses, run: abort },
  usage: { isOffered: converses, run: usageNumbers },
  reasoning: { isOffered: isModern, run: reasoning },
  signatures: { isOffered: hasTools, run: signatures },
  chaining: { isOffered: (driver) => driver.carryOn !== undefined, run: chaining },
  count: { isOffered: (driver) => driver.count !== undefined, run: count },
  embeddings: { isOffered: (driver) => driver.embed !== undefined, run: embeddings },
  images: { isOffered: (driver) => driver.draw !== undefined, run: images },
  speech: { isOffered: (driver) => driver.speak !== undefined, run: speech },
  transcription: { isOffered: (driver) => driver.transcribe !== undefined, run: transcription },
  moderations: { isOffered: (driver) => driver.moderate !== undefined, run: moderations },
};
