export { besidesConversation } from "./besides-conversation.ts";
export { outputLimitPath, requiresOutputLimit } from "./places.ts";
export { defaultOutputLimit, outputLimit, type ParameterRules } from "./rules.ts";
export { withParameters } from "./with-parameters.ts";
