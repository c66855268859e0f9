import { modelsFor } from "../../gateway/key-rules.ts";
import type { ModelInfo } from "../../routing/offered-models.ts";
import type { RouteParts } from "../route-parts.ts";

/** The models that whoever asks may use. Throws GatewayError as `caller` does. */
export function offeredTo(request: Request, { access, models }: Pick<RouteParts, "access" | "models">): ModelInfo[] {
  const { grant } = access.caller(request);
  return modelsFor(grant, models());
}
