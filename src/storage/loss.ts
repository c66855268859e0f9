/** Documents of this kind are keys: once there was one, nobody is served without. */
export const keyKind = "key";

/**
 * The one document of this kind stands in a database that took the place of another one: keys that were in that one are lost
 * here, and must not look as if they had never been.
 */
export const lossKind = "loss";

/** What became of the database before: it was `damaged` and put aside, or is `gone` from its place. */
export type Loss = "damaged" | "gone";
