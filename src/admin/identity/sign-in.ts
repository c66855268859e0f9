import { GatewayError } from "../../errors.ts";
import { hashOf } from "../../keys/token.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { AuthTokens, Login, PasswordChange } from "../contract/auth.ts";
import { byPerson } from "./by-person.ts";
import type { LoginThrottle } from "./login-throttle.ts";
import { configuredUserId, type People } from "./people.ts";
import type { Passwords } from "./passwords.ts";
import type { Holder, Sessions, Visitor } from "./sessions.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { plainName } from "./user.ts";
import type { Users } from "./users.ts";

/** Logging in by password. Calls reject with GatewayError: 401, 429 after failures, 503 when the store is out of reach. */
export interface SignIn {
  login(login: Login, visitor: Visitor): Promise<AuthTokens>;
  /** A user's own password; all other sessions of theirs end. */
  changePassword(holder: Holder, change: PasswordChange, visitor: Visitor): Promise<AuthTokens>;
}

export interface SignInOptions {
  readonly people: Pick<People, "named">;
  readonly passwords: Pick<Passwords, "verify">;
  readonly throttle: LoginThrottle;
  readonly sessions: Pick<Sessions, "begin">;
  readonly users: Pick<Users, "patch">;
  readonly keys: Pick<SigningKeys, "ready">;
  readonly trail: Pick<AuditTrail, "tell">;
  /** Hears what other gateways have changed. Never rejects. */
  readonly look: () => Promise<void>;
}

/** One text for whatever is wrong: who tries names learns none. */
function refused(): GatewayError {
  const message = "The user name or the password is wrong.";
  return new GatewayError({ code: "invalid_api_key", status: 401, message });
}

function notKeptHere(): GatewayError {
  const message =
    "This password is not kept here: change it where it is, in the configuration or at your identity provider.";
  return new GatewayError({ code: "conflict", status: 409, message });
}

export function createSignIn(options: SignInOptions): SignIn {
  const { people, passwords, throttle, sessions, users, keys, trail, look } = options;

  /** Whoever it is, or 401. Names that nobody has are told to nobody: they may be passwords in the wrong field. */
  async function identify({ username, password }: Login, { address }: Visitor) {
    const attempt = await throttle.begin(hashOf(plainName(username)), address);
    await Promise.all([keys.ready(), look()]);
    const person = await people.named(username);
    if ((await passwords.verify(password, person?.hash)) && person !== undefined) {
      attempt.succeeded();
      return person;
    }
    const subject = person === undefined ? "user/unknown" : `user/${person.userId}`;
    const deed = { action: "auth.login-failed", subject, before: undefined, after: undefined };
    await trail.tell(deed, { actor: "anonymous", address });
    throw refused();
  }

  async function begun(person: Awaited<ReturnType<typeof identify>>, visitor: Visitor): Promise<AuthTokens> {
    const tokens = await sessions.begin(person, { ...visitor, by: "password" });
    const deed = { action: "auth.login", subject: `user/${person.userId}`, before: undefined, after: undefined };
    await trail.tell(deed, byPerson(person, visitor.address));
    return tokens;
  }

  return {
    login: async (login, visitor) => begun(await identify(login, visitor), visitor),
    async changePassword({ userId, name }, { password, newPassword }, visitor) {
      if (userId === configuredUserId || !userId.startsWith("user_")) throw notKeptHere();
      await identify({ username: name, password }, visitor);
      await users.patch(userId, { password: newPassword }, byPerson({ userId, name }, visitor.address));
      return begun(await identify({ username: name, password: newPassword }, visitor), visitor);
    },
  };
}
