import { z } from "zod";
import { roles } from "../../keys/role.ts";
import { name } from "./fields.ts";

/** Nobody could tell `admin` from one that has them. */
const invisible = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/u;

export const username = name
  .max(100)
  .refine((text) => !invisible.test(text), { message: "must not have invisible characters" });

const longestPassword = 1024;
const shortestPassword = 8;

/** Of somebody who has one; whether it is long enough was asked when it was made. */
const presentedPassword = z.string().min(1).max(longestPassword);

export const newPassword = z
  .string()
  .min(shortestPassword)
  .max(longestPassword)
  .describe(`At least ${shortestPassword} characters; kept as argon2id`);

export const role = z
  .enum(roles)
  .describe(
    "admin: everything; operator: keys, teams and models; viewer: looks only, also at prompts and answers that are kept",
  );

export const loginSchema = z.strictObject({ username: z.string().min(1).max(200), password: presentedPassword });
export type Login = z.infer<typeof loginSchema>;

export const refreshSchema = z.strictObject({ refreshToken: z.string().min(1).max(500) });

export const setupSchema = z.strictObject({
  token: z.string().min(1).max(200).describe("Of the link that the gateway printed"),
  username,
  password: newPassword,
});
export type Setup = z.infer<typeof setupSchema>;

export const passwordSchema = z.strictObject({ password: presentedPassword, newPassword });
export type PasswordChange = z.infer<typeof passwordSchema>;

export const authTokensSchema = z.object({
  accessToken: z.string().describe("A JWT: `Authorization: Bearer …`"),
  tokenType: z.literal("Bearer"),
  expiresIn: z.number().describe("Seconds"),
  refreshToken: z.string().describe("Good once: POST /api/auth/refresh answers with the next"),
  refreshExpiresIn: z.number().describe("Seconds"),
  role,
});
export type AuthTokens = z.infer<typeof authTokensSchema>;

export const setupAnswerSchema = authTokensSchema.extend({
  note: z.string().optional().describe("What the owner should know"),
});
export type SetupAnswer = z.infer<typeof setupAnswerSchema>;

export const whoSchema = z.object({
  name: z.string().describe("`admin` for the admin token"),
  role,
  userId: z.string().optional(),
  sessionId: z.string().optional(),
});
export type Who = z.infer<typeof whoSchema>;

export const sessionViewSchema = z.object({
  id: z.string(),
  userId: z.string(),
  name: z.string(),
  by: z.enum(["password", "setup", "oidc"]),
  createdAt: z.string(),
  renewedAt: z.string(),
  expiresAt: z.string(),
  address: z.string().optional(),
  agent: z.string().optional(),
  isCurrent: z.boolean().describe("Whether it is the one that asks"),
});
export type SessionView = z.infer<typeof sessionViewSchema>;

export const sessionsSchema = z.object({ data: z.array(sessionViewSchema).describe("The newest first") });
