import { createHash, randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";

/** What is wrong with an ID token; `undefined` = nothing. */
export type OidcFault =
  | "unsigned"
  | "other-key"
  | "hs256-with-client-secret"
  | "other-nonce"
  | "other-audience"
  | "other-issuer"
  | "expired"
  | "none";

/** An identity provider on a real socket that signs with RS256: code flow, PKCE, every check that a real one makes. */
export interface OidcProvider extends AsyncDisposable {
  readonly issuer: string;
  /** Claims of whoever logs in next. */
  claims: Record<string, unknown>;
  fault: OidcFault | undefined;
  /** What was refused at the token endpoint, and why. */
  readonly refusals: string[];
  /** From now on codes are exchanged only when the function it returns is called. */
  hold(): () => void;
  /** How many codes it was asked about at once, at most. */
  readonly mostAsked: number;
}

export const oidcClient = { clientId: "orcestator-test", clientSecret: "client-secret-canary" };

interface Grant {
  readonly challenge: string;
  readonly nonce: string;
  readonly redirectUri: string;
}

export async function startOidcProvider(): Promise<OidcProvider> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const { privateKey: otherKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "RS256", use: "sig" };
  const grants = new Map<string, Grant>();
  const refusals: string[] = [];
  let claims: Record<string, unknown> = {};
  let fault: OidcFault | undefined;
  let held = Promise.resolve();
  let [asked, mostAsked] = [0, 0];

  async function idToken(nonce: string): Promise<string> {
    const payload = { sub: "subject-1", ...claims, nonce: fault === "other-nonce" ? "another" : nonce };
    const fill = <Token extends UnsecuredJWT | SignJWT>(token: Token): Token => {
      token.setIssuedAt().setIssuer(fault === "other-issuer" ? "https://other.example" : issuer);
      token.setAudience(fault === "other-audience" ? "another-client" : oidcClient.clientId);
      token.setExpirationTime(fault === "expired" ? "-5m" : "5m");
      return token;
    };
    if (fault === "unsigned") return fill(new UnsecuredJWT(payload)).encode();
    const isSymmetric = fault === "hs256-with-client-secret";
    const token = fill(new SignJWT(payload)).setProtectedHeader({ alg: isSymmetric ? "HS256" : "RS256", kid: "k1" });
    if (isSymmetric) return token.sign(new TextEncoder().encode(oidcClient.clientSecret));
    return token.sign(fault === "other-key" ? otherKey : privateKey);
  }

  function authorize(query: URLSearchParams): Response {
    const redirectUri = query.get("redirect_uri") ?? "";
    const code = randomBytes(16).toString("hex");
    const { code_challenge: challenge = "", nonce = "", state = "" } = Object.fromEntries(query);
    grants.set(code, { challenge, nonce, redirectUri });
    const back = new URL(redirectUri);
    back.searchParams.set("code", code);
    back.searchParams.set("state", state);
    back.searchParams.set("iss", issuer);
    return Response.redirect(back.href, 302);
  }

  /** Why a code is not exchanged; `undefined` = it is. */
  function objection(
    form: URLSearchParams,
    grant: Grant | undefined,
    authorization: string | null,
  ): string | undefined {
    const basic = `${encodeURIComponent(oidcClient.clientId)}:${encodeURIComponent(oidcClient.clientSecret)}`;
    if (decodeURIComponent(atob(authorization?.slice("Basic ".length) ?? "")) !== decodeURIComponent(basic))
      return "client";
    if (grant === undefined) return "code";
    if (form.get("redirect_uri") !== grant.redirectUri) return "redirect_uri";
    const verifier = form.get("code_verifier") ?? "";
    if (createHash("sha256").update(verifier).digest("base64url") !== grant.challenge) return "verifier";
    return undefined;
  }

  async function token(request: Request): Promise<Response> {
    const form = new URLSearchParams(await request.text());
    const code = form.get("code") ?? "";
    const grant = grants.get(code);
    grants.delete(code);
    const why = objection(form, grant, request.headers.get("authorization"));
    if (why !== undefined || grant === undefined) {
      refusals.push(why ?? "code");
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    }
    const answer = { access_token: "at", token_type: "Bearer", expires_in: 60 };
    return Response.json(fault === "none" ? answer : { ...answer, id_token: await idToken(grant.nonce) });
  }

  const server: Bun.Server<undefined> = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: {
      "/.well-known/openid-configuration": (): Response =>
        Response.json({
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          response_types_supported: ["code"],
          subject_types_supported: ["public"],
          id_token_signing_alg_values_supported: ["RS256"],
          authorization_response_iss_parameter_supported: true,
        }),
      "/jwks": (): Response => Response.json({ keys: [jwk] }),
      "/authorize": (request) => authorize(new URL(request.url).searchParams),
      "/token": async (request) => {
        asked += 1;
        mostAsked = Math.max(mostAsked, asked);
        await held;
        asked -= 1;
        return token(request);
      },
    },
  });
  const issuer: string = `http://127.0.0.1:${server.port}`;
  return {
    issuer,
    refusals,
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    get mostAsked() {
      return mostAsked;
    },
    get claims() {
      return claims;
    },
    set claims(next) {
      claims = next;
    },
    get fault() {
      return fault;
    },
    set fault(next) {
      fault = next;
    },
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}
