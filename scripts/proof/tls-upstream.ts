import { join } from "node:path";

/** An OpenAI-like upstream over HTTPS with a certificate that only `caFile` vouches for. */
export interface TlsUpstream {
  port: number;
  caFile: string;
  close(): Promise<void>;
}

interface TlsUpstreamOptions {
  /** Host names in the certificate. */
  names: readonly string[];
  /** Where certificate and key are put. */
  folder: string;
}

export const upstreamText = "An answer over TLS";

export async function startTlsUpstream({ names, folder }: TlsUpstreamOptions): Promise<TlsUpstream> {
  const keyFile = join(folder, "key.pem");
  const caFile = join(folder, "ca.pem");
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", keyFile];
  const subject = ["-subj", "/CN=Proof", "-addext", `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`];
  const openssl = Bun.spawn(["openssl", "req", "-x509", "-days", "2", ...key, ...subject, "-out", caFile], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  if ((await openssl.exited) !== 0) throw new Error(`openssl: ${await new Response(openssl.stderr).text()}`);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: await Bun.file(caFile).text(), key: await Bun.file(keyFile).text() },
    fetch: async (request) => {
      const { model } = (await request.json()) as { model: string };
      const message = { role: "assistant", content: upstreamText };
      const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
      const choices = [{ index: 0, message, finish_reason: "stop" }];
      return Response.json({ id: "chatcmpl-1", object: "chat.completion", created: 1, model, choices, usage });
    },
  });
  return { port: server.port ?? 0, caFile, close: () => server.stop(true) };
}
