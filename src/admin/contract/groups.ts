import { z } from "zod";
import { name } from "./fields.ts";

/** OrchestrationApi's words for providers and virtual keys. */

const texts = z.array(z.string().max(2000)).max(1000);
const number = z.number();

const fields = {
  providerType: z
    .string()
    .min(1)
    .max(100)
    .describe("openai, openai_responses, anthropic, gemini, or a type of our own"),
  apiKeys: texts.optional().describe("Masked ones stay what they are"),
  models: texts.optional().describe("Names that clients may ask for, which it serves"),
  modelAliases: z.record(z.string(), z.string()).optional().describe("Name that clients may ask for → its own name"),
  balancePolicy: z.string().max(100).optional().describe("round_robin, random, least_used, weighted or failover"),
  retryCount: number.min(0).max(10).optional(),
  timeout: number.min(0).max(2_000_000).optional().describe("Seconds"),
  priority: number.int().min(-1_000_000).max(1_000_000).optional().describe("A higher one goes first (default 0)"),
  enabled: z.boolean().optional(),
  parameters: z.record(z.string(), z.unknown()).optional().describe("For requests whose client sent none"),
  parameterOverrides: z.record(z.string(), z.unknown()).optional().describe("Whatever the client sent"),
  headers: z.record(z.string(), z.string()).optional(),
  baseUrl: z.string().max(2000).optional(),
  rpmLimit: number.int().min(0).optional().describe("Requests a minute; 0 = not bounded"),
  proxyEnabled: z.boolean().optional().describe("Whether requests go through the proxy of `proxyConfig`"),
  proxyConfig: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("type, host, port, username, password; it is told nobody, and stays where it is left out"),
  testModel: z
    .string()
    .max(500)
    .optional()
    .describe("Taken, and of no use here: a provider is tested by its list of models"),
  fakeStreaming: z.boolean().optional().describe("Taken, and not done here"),
};

const groupName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?!\.{1,2}$)/, { message: "must not be . or .., which no path can name" })
  .describe("Its id, too");

/** A group may be sent back as it was answered. */
const notes = z.array(z.string()).optional().describe("Ignored");

export const groupCreateSchema = z.strictObject({ groupName, ...fields });
export type GroupCreate = z.infer<typeof groupCreateSchema>;

/** What is left out stays. */
export const groupUpdateSchema = z.strictObject({
  id: z.string().optional().describe("As in the path"),
  groupName: groupName.optional(),
  ...fields,
  notes,
  providerType: fields.providerType.optional(),
});
export type GroupUpdate = z.infer<typeof groupUpdateSchema>;

export const groupViewSchema = z.object({
  id: z.string(),
  groupName: z.string(),
  providerType: z.string(),
  apiKeys: texts.describe("Masked"),
  models: texts,
  modelAliases: z.record(z.string(), z.string()),
  balancePolicy: z.string(),
  retryCount: number,
  timeout: number.describe("Seconds"),
  priority: number,
  enabled: z.boolean(),
  parameters: z.record(z.string(), z.unknown()),
  parameterOverrides: z.record(z.string(), z.unknown()),
  headers: z.record(z.string(), z.string()),
  baseUrl: z.string(),
  rpmLimit: number.describe("0 = not bounded"),
  proxyEnabled: z.boolean(),
});
export type GroupView = z.infer<typeof groupViewSchema>;

export const groupListSchema = z.object({ groups: z.array(groupViewSchema) });
export const changedGroupSchema = groupViewSchema.extend({
  notes: z.array(z.string()).describe("What became of fields that have no counterpart"),
});
export type ChangedGroup = z.infer<typeof changedGroupSchema>;

const rpm = number.int().min(0).max(1_000_000_000).describe("Requests a minute; 0 = not bounded");

export const proxyKeyCreateSchema = z.strictObject({
  name,
  rpm: rpm.optional(),
  enabled: z.boolean().default(true),
});
export type ProxyKeyCreate = z.infer<typeof proxyKeyCreateSchema>;

/** What is left out stays. */
export const proxyKeyUpdateSchema = z.strictObject({
  name: name.optional(),
  rpm: rpm.optional(),
  enabled: z.boolean().optional(),
});
export type ProxyKeyUpdate = z.infer<typeof proxyKeyUpdateSchema>;

export const proxyKeyViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string().describe("How the key begins and ends"),
  rpm,
  enabled: z.boolean(),
  createdAt: z.string(),
});
export type ProxyKeyView = z.infer<typeof proxyKeyViewSchema>;

export const proxyKeyListSchema = z.object({
  proxyKeys: z.array(proxyKeyViewSchema).describe("The newest first"),
  cursor: z.string().nullable().describe("Of the next page; null = this is the last"),
});
export const issuedProxyKeySchema = proxyKeyViewSchema.extend({ key: z.string().describe("It is told this once") });

export const statusSchema = z.object({
  status: z.enum(["ready", "not ready"]),
  reasons: z.array(z.string()).describe("Why it is not ready"),
  notices: z.array(z.string()),
  version: z.string(),
  uptimeSeconds: number,
  activeRequests: number,
  groups: z.array(
    z.object({ groupName: z.string(), enabled: z.boolean(), status: z.enum(["healthy", "degraded", "unhealthy"]) }),
  ),
  proxyKeys: number.describe("How many there are"),
  requests: z
    .object({
      total: number,
      errors: number,
      promptTokens: number,
      completionTokens: number,
      costUsd: number.nullable(),
    })
    .describe("Of the last 24 hours"),
});
