import * as oauth from "oauth4webapi";
import { requestSmall } from "../../transport/small-request.ts";
import type { OidcSettings } from "./oidc.ts";

// The OpenID Connect client: loaded with the first login that needs it.

/** The library's requests leave by the only door out, too. */
async function send(
  url: string,
  { method, headers, body }: oauth.CustomFetchOptions<string, unknown>,
): Promise<Response> {
  // All that the flow sends are forms.
  const text = body instanceof URLSearchParams ? body.toString() : undefined;
  const answer = await requestSmall(url, { method, headers, body: text });
  const type = answer.headers.get("content-type") ?? "";
  return new Response(Buffer.from(answer.body), { status: answer.status, headers: { "content-type": type } });
}

function optionsFor({ issuer }: OidcSettings) {
  // Only addresses of this machine may be http (see the settings).
  return { [oauth.customFetch]: send, [oauth.allowInsecureRequests]: issuer.startsWith("http:") };
}

function authentication({ clientSecret }: OidcSettings, server: oauth.AuthorizationServer): oauth.ClientAuth {
  if (clientSecret === undefined) return oauth.None();
  const ways = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  return ways.includes("client_secret_basic")
    ? oauth.ClientSecretBasic(clientSecret)
    : oauth.ClientSecretPost(clientSecret);
}

/** What a provider says of itself. Rejects where it cannot be asked, or says something else. */
export async function discover(settings: OidcSettings): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(settings.issuer);
  const response = await oauth.discoveryRequest(issuer, { algorithm: "oidc", ...optionsFor(settings) });
  return oauth.processDiscoveryResponse(issuer, response);
}

/** What one login is known by; told to the browser in parts, and to the provider in others. */
export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** A new login, and what the provider is asked with. */
export async function begin({ clientId, scopes }: OidcSettings, redirectUri: string) {
  const verifier = oauth.generateRandomCodeVerifier();
  const attempt: Attempt = { state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(), verifier };
  const query = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: scopes.join(" "),
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  };
  return { attempt, query };
}

const longestReason = 200;

/** Why the provider let nobody in, as it says: `access_denied (the user said no)`; `undefined` = something else is wrong. */
export function refusalIn(error: unknown): string | undefined {
  if (!(error instanceof oauth.AuthorizationResponseError)) return undefined;
  const { error: code, error_description: description } = error;
  const reason = description === undefined ? code : `${code} (${description})`;
  return reason.replaceAll(/\p{Cc}/gu, " ").slice(0, longestReason);
}

export interface Return {
  readonly settings: OidcSettings;
  readonly server: oauth.AuthorizationServer;
  /** As the browser was sent back to it, with its query. */
  readonly callback: URL;
  readonly attempt: Attempt;
}

/** What the provider says of whoever came back; its signature, issuer, audience, nonce and times are checked. Throws. */
export async function claimsOf({ settings, server, callback, attempt }: Return): Promise<oauth.IDToken> {
  const client = { client_id: settings.clientId };
  const options = optionsFor(settings);
  const given = oauth.validateAuthResponse(server, client, callback, attempt.state);
  const way = authentication(settings, server);
  const uri = `${callback.origin}${callback.pathname}`;
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    way,
    given,
    uri,
    attempt.verifier,
    options,
  );
  const answer = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: attempt.nonce,
    requireIdToken: true,
  });
  await oauth.validateApplicationLevelSignature(server, response, options);
  const claims = oauth.getValidatedIdTokenClaims(answer);
  if (claims === undefined) throw new Error("there is no ID token");
  return claims;
}
