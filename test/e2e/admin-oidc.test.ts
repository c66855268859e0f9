import { expect, test } from "bun:test";
import { startGateway } from "../support/gateway.ts";
import { oidcClient, startOidcProvider } from "../support/oidc-provider.ts";

test("a gateway without a database lets in whom the identity provider vouches for", async () => {
  await using provider = await startOidcProvider();
  provider.claims = { email: "ann@example.com", groups: ["ops"] };
  await using gateway = await startGateway({
    configText: `
admin:
  oidc:
    issuer: "${provider.issuer}"
    clientId: ${oidcClient.clientId}
    clientSecret: ${oidcClient.clientSecret}
    redirectBase: http://127.0.0.1
    admins: [owners]
    operators: [ops]
`,
  });
  const start = await fetch(`${gateway.origin}/api/auth/oidc/start`, { redirect: "manual" });
  const cookie = start.headers.get("set-cookie")?.split(";")[0] ?? "";
  const there = await fetch(start.headers.get("location") ?? "", { redirect: "manual" });
  const { pathname, search } = new URL(there.headers.get("location") ?? "");
  const back = await fetch(`${gateway.origin}${pathname}${search}`, { redirect: "manual", headers: { cookie } });
  expect(back.status).toBe(303);
  for (const path of [back.headers.get("location") ?? "", "/dashboard"]) {
    const page = await fetch(`${gateway.origin}${path}`);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  }
  const refreshToken = (back.headers.get("location") ?? "").split("=")[1];
  const body = JSON.stringify({ refreshToken });
  const tokens = await (await fetch(`${gateway.origin}/api/auth/refresh`, { method: "POST", body })).json();
  const { accessToken } = tokens as { accessToken: string };
  const me = await fetch(`${gateway.origin}/api/auth/me`, { headers: { authorization: `Bearer ${accessToken}` } });
  expect(await me.json()).toMatchObject({ name: "ann@example.com", role: "operator", userId: "oidc:subject-1" });
  expect(gateway.stdout()).not.toContain("setup#token");
  expect(gateway.stdout() + gateway.stderr()).not.toContain(oidcClient.clientSecret);
});
