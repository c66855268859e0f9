/** The option of every command that reads the configuration. */
export const configArgument = {
  config: {
    type: "string",
    valueHint: "path",
    description: "Configuration file (default: orcestator.yaml, .yml, .toml or .json here)",
  },
} as const;
