/** What names count under that are not told apart. */
export const otherModels = "other";

/** Names that get a label of their own. Even known ones are limited: an upstream may list thousands. */
export const mostModels = 500;

/** The label that a model counts under: clients invent names, and without a bound each would be counted by itself for ever. */
export type ModelLabel = (model: string) => string;

export function createModelLabel(isKnownModel: (model: string) => boolean = () => true): ModelLabel {
  const labelled = new Set<string>();
  return (model) => {
    if (labelled.has(model)) return model;
    if (labelled.size >= mostModels || !isKnownModel(model)) return otherModels;
    labelled.add(model);
    return model;
  };
}
