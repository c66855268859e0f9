import type { ProtocolName } from "../../src/config/protocol-names.ts";
import type { UpstreamKind } from "../../test/matrix/rig.ts";

export type UpstreamId = UpstreamKind["id"];

/** One start of an agent programme. */
export interface AgentRun {
  mode: string;
  /** `http://127.0.0.1:PORT` of the gateway. */
  origin: string;
  model: string;
  prompt: string;
  /** An empty folder of its own. */
  home: string;
  /** Where it works; below `home`. */
  work: string;
}

/** A programme among the package's `bin`s, and its arguments. */
export type Command = readonly [program: string, ...rest: string[]];

export interface Launch {
  /** Runs first, to its end. */
  before?: Command;
  command: Command;
  env?: Readonly<Record<string, string>>;
}

export interface AgentMode {
  /** What tells the modes of an agent apart, e.g. its wire protocol. */
  id: string;
  /** Its own. */
  protocol: ProtocolName;
  upstreams: readonly UpstreamId[];
  /** Beginning of the model's name, for agents that know some models by name. */
  modelPrefix?: string;
}

/** A programme that works for a person through a model. */
export interface Agent {
  id: string;
  /** For people. */
  name: string;
  /** On npm. */
  package: string;
  version: string;
  modes: readonly AgentMode[];
  /** Writes its settings below `home` and says how it is started. */
  prepare(run: AgentRun): Promise<Launch>;
}
