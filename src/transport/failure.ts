import { GatewayError } from "../errors.ts";

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

const unreachable = new Map([
  ["ECONNREFUSED", "refused the connection"],
  ["ConnectionRefused", "refused the connection"],
  ["FailedToOpenSocket", "cannot be reached"],
  ["ENOTFOUND", "has no address (DNS)"],
  ["EAI_AGAIN", "has no address (DNS did not answer)"],
  ["EHOSTUNREACH", "cannot be reached"],
  ["ENETUNREACH", "cannot be reached"],
  ["UnsupportedProxyProtocol", "has a URL that is neither http nor https"],
]);

const badTls = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|EPROTO|SSL|TLS/;

/** The proxy's own words are left out: whoever answers there wrote them. */
function refusedTunnel(error: unknown): number | undefined {
  const status = /: (\d{3})\b/.exec(error instanceof Error ? error.message : "")?.[1];
  return status === undefined ? undefined : Number(status);
}

function tunnelFailure(error: unknown, host: string, proxy: string): GatewayError {
  const status = refusedTunnel(error);
  const advice = status === 407 ? "; check the user and password of the proxy's URL" : "";
  return new GatewayError({
    code: "upstream_unreachable",
    status: 502,
    message: `The proxy ${proxy} refused the way to the upstream ${host}${status === undefined ? "" : ` (${status})`}${advice}.`,
    retryable: status === undefined || status >= 500,
    cause: error,
  });
}

/**
 * What a failed `fetch` or a broken body means. `host` is shown, and nothing else of the URL. `proxy` is what is spoken to
 * in its place, as it may be shown: whom it cannot reach, the proxy tells in an answer.
 */
export function networkFailure(error: unknown, host: string, proxy?: string): GatewayError {
  if (error instanceof GatewayError) return error;
  const code = codeOf(error);
  const reason = unreachable.get(code);
  if (reason !== undefined) {
    return new GatewayError({
      code: "upstream_unreachable",
      status: 502,
      message:
        proxy === undefined
          ? `The upstream ${host} ${reason}.`
          : `The proxy ${proxy} ${reason}, so the upstream ${host} cannot be asked.`,
      retryable: true,
      cause: error,
    });
  }
  if (code === "ERR_PROXY_TUNNEL" && proxy !== undefined) return tunnelFailure(error, host, proxy);
  const upstream = proxy === undefined ? `the upstream ${host}` : `the upstream ${host} by way of the proxy ${proxy}`;
  if (badTls.test(code)) {
    const message = `The TLS connection to ${upstream} failed (${code}); check its certificate, or the provider's \`ca\` setting.`;
    return new GatewayError({ code: "upstream_unreachable", status: 502, message, cause: error });
  }
  if (code === "ZlibError" || code.startsWith("Z_") || code.startsWith("Brotli")) {
    return new GatewayError({
      code: "upstream_invalid_response",
      status: 502,
      message: `The upstream ${host} sent a damaged compressed answer.`,
      cause: error,
    });
  }
  const message = `The connection to ${upstream} broke${code === "" ? "" : ` (${code})`}.`;
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true, cause: error });
}
