import { resolveConfig, type ResolvedConfig } from "../../../src/config/resolve.ts";
import { configSchema } from "../../../src/config/schema.ts";
import { GatewayError, type ErrorCode, type GatewayErrorOptions } from "../../../src/errors.ts";
import type { CredentialAlarm } from "../../../src/routing/credential.ts";
import type { CircuitAlarm, HealthRegistry, TargetHealth } from "../../../src/routing/health/health.ts";
import { createHealthRegistry } from "../../../src/routing/health/registry.ts";

export function settingsOf(parts: object = {}): ResolvedConfig {
  return resolveConfig(configSchema.parse(parts));
}

const statuses: Partial<Record<ErrorCode, number>> = {
  invalid_request: 400,
  rate_limit_exceeded: 429,
  client_cancelled: 499,
  insufficient_quota: 402,
};

export function failed(code: ErrorCode = "upstream_overloaded", more: Partial<GatewayErrorOptions> = {}): GatewayError {
  return new GatewayError({ code, status: statuses[code] ?? 502, message: `It was ${code}.`, ...more });
}

/** As the protocols make it of an upstream's 401 and its kin. */
export function refused(status = 401, message = "Incorrect API key."): GatewayError {
  return failed("upstream_rejected_credential", { message, details: { upstreamStatus: status } });
}

export interface Scene {
  registry: HealthRegistry;
  target: TargetHealth;
  /** What was alarmed, in words. */
  alarms: string[];
  now: () => number;
  pass: (milliseconds: number) => void;
}

/** A registry whose time passes when the test says so. */
export function createScene(config: object = {}, random?: () => number): Scene {
  let now = 1_700_000_000_000;
  const alarms: string[] = [];
  const onCredential: CredentialAlarm = ({ provider, label, kind, model }) =>
    alarms.push(`${provider} ${label} ${kind}${model === undefined ? "" : ` for ${model}`}`);
  const onCircuit: CircuitAlarm = ({ provider, model, kind }) => alarms.push(`${provider}/${model} ${kind}`);
  const settings = settingsOf(config);
  const registry = createHealthRegistry({ settings, now: () => now, random, onCredential, onCircuit });
  registry.configure(settings);
  return {
    registry,
    target: registry.targetOf("p", "http://p.test", "m"),
    alarms,
    now: () => now,
    pass: (milliseconds) => (now += milliseconds),
  };
}

/** One request from beginning to end. */
export function live(target: TargetHealth, result: "ok" | "neutral" | GatewayError): boolean {
  const ticket = target.begin();
  ticket.end(result);
  return ticket.isProbe;
}

export function liveTimes(count: number, target: TargetHealth, result: "ok" | "neutral" | GatewayError): void {
  for (let index = 0; index < count; index += 1) live(target, result);
}
