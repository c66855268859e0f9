import { z } from "zod";
import { newPassword, role, username } from "./auth.ts";
import { batchOf, pageOf, version } from "./fields.ts";

export const userCreateSchema = z.strictObject({
  name: username.describe("To log in with; in any case"),
  password: newPassword,
  role,
  enabled: z.boolean().default(true),
});
export type UserCreate = z.infer<typeof userCreateSchema>;

/** What is left out stays. Another password, or being disabled, ends all sessions of the user. */
export const userPatchSchema = z.strictObject({
  password: newPassword.optional(),
  role: role.optional(),
  enabled: z.boolean().optional(),
  version,
});
export type UserPatch = z.infer<typeof userPatchSchema>;

export const userViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  role,
  enabled: z.boolean(),
  createdAt: z.string(),
  passwordAt: z.string().describe("When the password was set"),
  version: z.number(),
});
export type UserView = z.infer<typeof userViewSchema>;

export const userPageSchema = pageOf(userViewSchema);
export const userBatchSchema = batchOf(userCreateSchema, userPatchSchema.shape);
