export { besidesConversation } from "./besides-conversation.ts";
export { defaultOutputLimit, outputLimit, type ParameterRules } from "./rules.ts";
export { withParameters } from "./with-parameters.ts";
