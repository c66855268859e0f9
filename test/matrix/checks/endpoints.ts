import { pictureBase64, speechBytes, vectorOf } from "../../support/replay-others.ts";
import { must, mustEqual } from "../expectations.ts";
import { prompt, type Pairing } from "../pairing.ts";
import { modelOf } from "../rig.ts";

/** Whether the client's list of models holds the upstream's. */
export async function models({ driver, upstream }: Pairing): Promise<void> {
  const ids = await driver.models?.();
  must(
    ids?.includes(modelOf(upstream, "plain")) === true,
    `not among ${ids?.length} models: ${ids?.slice(0, 3).join()}`,
  );
}

export async function count({ driver, upstream }: Pairing): Promise<void> {
  const tokens = await driver.count?.({ model: modelOf(upstream, "plain"), prompt });
  must(tokens !== undefined && tokens > 3 && tokens < 100, `${tokens} tokens`);
}

export async function embeddings({ driver, upstream }: Pairing): Promise<void> {
  const texts = ["Grüße", "world"];
  const vectors = await driver.embed?.({ model: modelOf(upstream, "plain"), texts });
  mustEqual(
    vectors,
    texts.map((text) => vectorOf(text)),
    "vectors",
  );
}

export async function images({ driver, upstream }: Pairing): Promise<void> {
  mustEqual(await driver.draw?.({ model: modelOf(upstream, "plain"), prompt }), pictureBase64, "picture");
}

export async function speech({ driver, upstream }: Pairing): Promise<void> {
  const bytes = await driver.speak?.({ model: modelOf(upstream, "plain"), text: prompt });
  must(bytes !== undefined && Buffer.compare(bytes, speechBytes) === 0, `${bytes?.length} other bytes`);
}

export async function transcription({ driver, upstream }: Pairing): Promise<void> {
  const text = await driver.transcribe?.({ model: modelOf(upstream, "plain"), audio: speechBytes });
  mustEqual(text, "Grüezi.", "transcription");
}

export async function moderations({ driver, upstream }: Pairing): Promise<void> {
  const flags = await driver.moderate?.({ model: modelOf(upstream, "plain"), texts: ["good", "bad"] });
  mustEqual(flags, [false, true], "flags");
}
