import type { ResolvedConfig } from "../../config/resolve.ts";
import { GatewayError } from "../../errors.ts";
import type { Coordinator } from "../../coordination/coordinator.ts";
import type { SecretBox } from "../../keys/secret-box.ts";
import { errorText } from "../../lib/error-text.ts";
import type { DocumentChange, DocumentStore } from "../../storage/document-store.ts";
import type { AuditTrail, By } from "../audit-trail.ts";
import type { AuthTokens, Setup, SetupAnswer } from "../contract/auth.ts";
import { createAdminDocuments } from "../documents.ts";
import { byPerson } from "./by-person.ts";
import { createIdentityBook } from "./identity-book.ts";
import { createLoginThrottle, type LoginThrottle } from "./login-throttle.ts";
import { createMemoryDocuments } from "./memory-documents.ts";
import { createOidc, redirectUri } from "./oidc.ts";
import { createPasswords } from "./passwords.ts";
import { createPeople } from "./people.ts";
import { createSessions, type Holder, type Sessions, type Visitor } from "./sessions.ts";
import { createSetupLink } from "./setup-link.ts";
import { createSharedLoginThrottle } from "./shared-login-throttle.ts";
import { createSignIn, type SignIn } from "./sign-in.ts";
import { createSigningKeys, type SigningKeys } from "./signing-keys.ts";
import { createTurns } from "./turns.ts";
import { createUsers, notNew, type Users } from "./users.ts";

/** Who looks after the gateway: users, their sessions, and how both begin. It lives as long as the process. */
export interface Identity extends SignIn {
  readonly sessions: Sessions;
  readonly users: Users;
  readonly keys: SigningKeys;
  /** Whether users and sessions outlive the process: there is a database. */
  readonly isLasting: boolean;
  holder(accessToken: string): Holder | undefined;
  /** Ends a session. */
  logout(id: string, by: By): Promise<void>;
  /** Begins a login at the identity provider. Rejects with GatewayError: 404 where none is configured, 502. */
  startElsewhere(): Promise<{ location: string; ticket: string; isSecure: boolean }>;
  /** Ends it, with the query that the browser brings back. Rejects with GatewayError: 401, 403 for whom no role is meant. */
  returnFromElsewhere(search: string, ticket: string | undefined, visitor: Visitor): Promise<AuthTokens>;
  /** Whether nobody can be admin yet: no token, no password, no user, no other system. */
  isNew(): boolean;
  /** The token of a link that makes the first admin; `undefined` = the store cannot keep one now, or nobody could use it. */
  offerSetup(): Promise<string | undefined>;
  /** Makes the first admin. Rejects with GatewayError: 401 with a token that is not good (any more), 409 where there is one. */
  setup(setup: Setup, visitor: Visitor): Promise<SetupAnswer>;
  /** Once everything is known that is stored: what logins are signed with is made before the first one. Never rejects. */
  prepare(): Promise<void>;
  /** A change of any document, as the store tells it. */
  apply(change: DocumentChange): void;
}

export interface IdentityOptions {
  /** As configured now. */
  readonly settings: () => ResolvedConfig["admin"];
  /** Where users and sessions are kept; `undefined` = in memory, as long as the process lives. */
  readonly store:
    | {
        readonly documents: Pick<DocumentStore, "get" | "list" | "put" | "remove">;
        readonly trail: AuditTrail;
        /** Hears what other gateways have changed. Never rejects. */
        look(): Promise<void>;
      }
    | undefined;
  readonly secrets: SecretBox | undefined;
  /** Several processes serve, and no database holds them together: a session would be good at one of them alone. */
  readonly isScattered?: boolean | undefined;
  /** Counts failed logins of several processes together; absent where there is one. */
  readonly coordinator?: Pick<Coordinator, "decide" | "state"> | undefined;
  readonly log: { info(message: string): void; warn(message: string): void };
  readonly now?: () => number;
}

function wrongSetupToken(): GatewayError {
  const message =
    "This link was used, has expired, or another one was made since: start the gateway again for a new one.";
  return new GatewayError({ code: "invalid_api_key", status: 401, message });
}

function needsDatabase(): GatewayError {
  const message =
    "Logins at several workers are kept in a database, and this gateway has none: set storage.url (OR_DB_PATH), use one worker, or AUTH_TOKEN.";
  return new GatewayError({ code: "conflict", status: 409, message });
}

const memoryNote =
  "No database is configured: this user is forgotten when the gateway stops. Set storage.url (OR_DB_PATH), or ADMIN_PASSWORD.";

/** Without a database there is no audit log: the console has it. */
function consoleTrail(log: IdentityOptions["log"]): AuditTrail {
  return {
    tell({ action, subject }, { actor, name, address }) {
      const who = name === undefined ? actor : `${name} (${actor})`;
      log.info(`${action} ${subject} by ${who}${address === undefined ? "" : ` from ${address}`}`);
      return Promise.resolve();
    },
    pending: () => 0,
    flush: () => Promise.resolve(),
  };
}

function throttleOf(coordinator: IdentityOptions["coordinator"], now: () => number): LoginThrottle {
  const own = createLoginThrottle(now);
  return coordinator === undefined ? own : createSharedLoginThrottle({ own, coordinator });
}

export function createIdentity(options: IdentityOptions): Identity {
  const { settings, store, secrets: box, isScattered = false, log, now = Date.now } = options;
  const trail = store?.trail ?? consoleTrail(log);
  const look = (): Promise<void> => store?.look() ?? Promise.resolve();
  const book = createIdentityBook((message) => log.warn(message));
  const documents = createAdminDocuments({
    documents: store?.documents ?? createMemoryDocuments(now),
    onChange: apply,
  });
  const keys = createSigningKeys({ configured: () => settings().jwtSecret, documents, box: store && box, log });
  const passwords = createPasswords();
  const people = createPeople({ settings, book, keys, passwords });
  const own = createSessions({ settings, documents, book, people, keys, trail, now });
  const sessions = isScattered ? { ...own, begin: () => Promise.reject(needsDatabase()) } : own;
  function hasOtherAdmin(): boolean {
    const { token, password, oidc } = settings();
    return token !== undefined || password !== undefined || (oidc !== undefined && oidc.admins.length > 0);
  }

  const inTurn = createTurns({ documents, name: "users", now });
  const tools = { documents, trail, now, book, people, sessions, passwords, hasOtherAdmin, inTurn, look };
  const users = createUsers(tools);
  const signIn = createSignIn({ ...tools, throttle: throttleOf(options.coordinator, now), users, keys });
  const link = createSetupLink({ documents, now });
  const oidc = createOidc({ settings, keys, log, now });
  const isNew = (): boolean => !hasOtherAdmin() && book.userCount === 0;

  function apply(change: DocumentChange): void {
    book.apply(change);
    keys.apply(change);
  }

  async function makeFirst({ username, password }: Setup, { address }: Visitor) {
    await look();
    if (!isNew()) throw notNew();
    const by = { actor: "setup", address };
    const { id } = await users.createFirst({ name: username, password, role: "admin", enabled: true }, by);
    const user = book.user(id);
    if (user === undefined) throw new Error("The first admin is not known after it was made");
    return { userId: id, name: user.name, role: user.role, epoch: user.epoch };
  }

  return {
    ...signIn,
    sessions,
    users,
    keys,
    isLasting: store !== undefined,
    holder: (accessToken) => sessions.holder(accessToken),
    async logout(id, by) {
      await sessions.end(id);
      await trail.tell({ action: "auth.logout", subject: `session/${id}`, before: undefined, after: undefined }, by);
    },
    async startElsewhere() {
      const started = await oidc.start();
      return { ...started, isSecure: settings().oidc?.redirectBase.startsWith("https:") === true };
    },
    async returnFromElsewhere(search, ticket, visitor) {
      const provider = settings().oidc;
      const callback = new URL(search, provider === undefined ? "http://localhost" : redirectUri(provider));
      const person = await oidc.finish(callback, ticket);
      const tokens = await sessions.begin(person, { ...visitor, by: "oidc" });
      const deed = { action: "auth.login", subject: `user/${person.userId}`, before: undefined, after: undefined };
      await trail.tell(deed, byPerson(person, visitor.address));
      return tokens;
    },
    isNew,
    async prepare() {
      const { password, oidc } = settings();
      if (password === undefined && oidc === undefined && book.userCount === 0) return;
      await keys.ready().catch((error: unknown) => log.warn(`Nobody can log in: ${errorText(error)}`));
    },
    async offerSetup() {
      if (isScattered) return undefined;
      return link.offer().catch(() => undefined);
    },
    async setup(setup, visitor) {
      if (!(await link.take(setup.token))) throw wrongSetupToken();
      try {
        const person = await makeFirst(setup, visitor);
        const tokens = await sessions.begin(person, { ...visitor, by: "setup" });
        return store === undefined ? { ...tokens, note: memoryNote } : tokens;
      } catch (error) {
        await link.giveBack();
        throw error;
      }
    },
    apply,
  };
}
