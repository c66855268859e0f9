import { createSecretBox, isSealed, type SecretBox, sealedWith } from "./secret-box.ts";
import type { SecretKeySource } from "./secret-key-source.ts";

/**
 * A box whose key may change while it is used: it seals with the first key of its source, opens with every one, and looks
 * for others when it meets what none of them sealed. Methods throw Error where the source cannot be read.
 */
export function createChangingSecretBox(source: SecretKeySource): SecretBox {
  let boxes: readonly SecretBox[] = [];

  function look(keys = source.read()): readonly SecretBox[] {
    boxes = (keys ?? []).map(createSecretBox);
    return boxes;
  }

  /** Asked for anew each time: what an old key seals would be lost with it. */
  function sealing(): SecretBox {
    const [first] = look(source.read() ?? source.make());
    if (first === undefined) throw new Error("There is no key to seal secrets with");
    return first;
  }

  return {
    get keyId() {
      return sealing().keyId;
    },
    seal: (secret) => sealing().seal(secret),
    open(text) {
      if (!isSealed(text)) return text;
      const id = sealedWith(text);
      const isRight = ({ keyId }: SecretBox): boolean => keyId === id;
      const box = boxes.find(isRight) ?? look().find(isRight) ?? sealing();
      return box.open(text);
    },
  };
}
