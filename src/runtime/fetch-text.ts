import { requestSmall } from "../transport/small-request.ts";

/** The text behind a URL, of at most 8 MiB, within 30 s. Rejects with an Error for people; redirects are not followed. */
export async function fetchText(address: string): Promise<string> {
  const { status, body } = await requestSmall(address);
  if (status === 200) return Buffer.from(body).toString("utf8");
  throw new Error(`${new URL(address).host} answered ${status}`);
}
