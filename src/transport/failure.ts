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
]);

const badTls = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|EPROTO|SSL|TLS/;

/** What a failed `fetch` or a broken body means. `host` is shown; nothing else of the URL is. */
export function networkFailure(error: unknown, host: string): GatewayError {
  if (error instanceof GatewayError) return error;
  const code = codeOf(error);
  const reason = unreachable.get(code);
  if (reason !== undefined) {
    return new GatewayError({
      code: "upstream_unreachable",
      status: 502,
      message: `The upstream ${host} ${reason}.`,
      retryable: true,
      cause: error,
    });
  }
  if (badTls.test(code)) {
    const message = `The TLS connection to the upstream ${host} failed (${code}); check its certificate, or the provider's \`ca\` setting.`;
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
  const message = `The connection to the upstream ${host} broke${code === "" ? "" : ` (${code})`}.`;
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true, cause: error });
}
