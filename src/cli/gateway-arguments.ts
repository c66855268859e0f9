/** The option of every command that asks a running gateway. */
export const urlArgument = {
  url: { type: "string", valueHint: "http://host:8000", description: "Gateway to ask (default: the configured one)" },
} as const;

/** The options of a command that asks what only the admin is told. */
export const accessArguments = {
  ...urlArgument,
  token: {
    type: "string",
    valueHint: "token",
    description: "The gateway's admin token (default: AUTH_TOKEN, admin.token), or the accessToken of a login",
  },
} as const;
