/** Databases as URLs name them; each scheme means one engine. */
const schemes = {
  sqlite: "sqlite",
  mysql: "mysql",
  mariadb: "mysql",
  postgres: "postgres",
  postgresql: "postgres",
} as const;

export type DatabaseEngine = (typeof schemes)[keyof typeof schemes];
export type ServerEngine = Exclude<DatabaseEngine, "sqlite">;

export const tlsModes = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;
export type TlsMode = (typeof tlsModes)[number];

/** A database server, read from a URL. */
export interface ServerAddress {
  readonly engine: ServerEngine;
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  /** `undefined` = with TLS where the server has it, whoever signed its certificate. */
  readonly tls: TlsMode | undefined;
  /** PEM file of the authority that signed the server's certificate. */
  readonly rootCertificate: string | undefined;
  /** Unix socket in the place of host and port. */
  readonly socket: string | undefined;
  /** MySQL's `caching_sha2_password` without TLS: take the server's key as it comes. */
  readonly allowPublicKeyRetrieval: boolean;
}

const defaultPorts = { mysql: 3306, postgres: 5432 } as const satisfies Record<ServerEngine, number>;
const knownParameters = ["sslmode", "sslrootcert", "socket", "allowPublicKeyRetrieval"];
const forms = "sqlite://path, mysql://user:password@host/database or postgres://user:password@host/database";

function isScheme(text: string): text is keyof typeof schemes {
  return Object.hasOwn(schemes, text);
}

/** The engine that a name or a URL's scheme means; `undefined` = none of ours. A driver behind `+` is not looked at. */
export function databaseEngineOf(name: string): DatabaseEngine | undefined {
  const scheme = name.toLowerCase().replace(/\+[a-z0-9]+$/, "");
  if (scheme === "sqlite3") return "sqlite";
  return isScheme(scheme) ? schemes[scheme] : undefined;
}

function schemeOf(text: string): string | undefined {
  return /^([a-z][a-z0-9+.-]{0,30}):/i.exec(text)?.[1];
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function parameterProblem(parameters: URLSearchParams): string | undefined {
  const unknown = [...parameters.keys()].find((name) => !knownParameters.includes(name));
  // A name that somebody made up may be a password that was not encoded.
  if (unknown !== undefined) return `has a parameter that is not known; there are ${knownParameters.join(", ")}`;
  const mode = parameters.get("sslmode");
  if (mode === null || tlsModes.some((known) => known === mode)) return undefined;
  return `has an unknown sslmode; write one of ${tlsModes.join(", ")}`;
}

function addressOf(url: URL, engine: ServerEngine): ServerAddress | string {
  const [username, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decoded);
  if (username === undefined || password === undefined || database === undefined)
    return "has a % that encodes nothing; write a % of a user, password or database as %25";
  if (url.hostname === "") return "names no host";
  if (username === "") return "names no user (engine://user:password@host/database)";
  if (database === "" || database.includes("/")) return "names no database (engine://user:password@host/database)";
  const problem = parameterProblem(url.searchParams);
  if (problem !== undefined) return problem;
  return {
    engine,
    // As the socket functions of the system want IPv6 addresses.
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? defaultPorts[engine] : Number(url.port),
    username,
    password,
    database,
    tls: tlsModes.find((mode) => mode === url.searchParams.get("sslmode")),
    rootCertificate: url.searchParams.get("sslrootcert") ?? undefined,
    socket: url.searchParams.get("socket") ?? undefined,
    allowPublicKeyRetrieval: url.searchParams.get("allowPublicKeyRetrieval") === "true",
  };
}

function read(text: string): { engine: "sqlite" } | ServerAddress | string {
  const scheme = schemeOf(text);
  const engine = scheme === undefined ? undefined : databaseEngineOf(scheme);
  if (engine === undefined) {
    const found = scheme === undefined ? "this is no such URL" : `this one begins with ${scheme}:`;
    return `must be ${forms} (${found})`;
  }
  if (engine === "sqlite") return /^sqlite:\/\/./.test(text) ? { engine } : "must be sqlite://path";
  const url = URL.parse(text);
  if (url === null || !text.includes("://"))
    return `is no URL; write / @ : # ? and % of a user or password in their encoded form (%2F %40 %3A %23 %3F %25)`;
  const address = addressOf(url, engine);
  return typeof address === "string" ? `${engine === "mysql" ? "a MySQL" : "a PostgreSQL"} URL ${address}` : address;
}

/** What is wrong with a `storage.url`, for people and without anything secret; `undefined` when nothing is. */
export function databaseUrlProblem(text: string): string | undefined {
  const found = read(text);
  return typeof found === "string" ? found : undefined;
}

/** The server that a URL names; `undefined` for a file. Throws an Error with a message for people when it is no such URL. */
export function serverAddressOf(text: string): ServerAddress | undefined {
  const found = read(text);
  if (typeof found === "string") throw new Error(`The database's URL ${found}`);
  return found.engine === "sqlite" ? undefined : found;
}

/** A server as it may be shown: without its password. */
export function addressText({ engine, hostname, port, username, database, socket }: ServerAddress): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${engine}://${username}@${socket ?? `${host}:${port}`}/${database}`;
}
