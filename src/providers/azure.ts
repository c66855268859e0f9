import { joinUrl, withQuery } from "./join-url.ts";
import { readOpenaiModels } from "./openai-family.ts";
import type { Provider } from "./provider.ts";

/** The newest version of the deployment API that is no preview. */
const defaultApiVersion = "2024-10-21";

/** Base URLs of the v1 API take the model from the body, as OpenAI does. */
const v1Base = /\/openai\/v1$/;

interface DeploymentCall {
  baseUrl: string;
  apiVersion: string | undefined;
  model: string;
  path: string;
}

/** `https://{resource}.openai.azure.com` names a deployment in the path; `…/openai/v1` does not. */
function azureUrl({ baseUrl, apiVersion, model, path }: DeploymentCall): URL {
  if (v1Base.test(baseUrl)) {
    const url = joinUrl(baseUrl, path);
    return apiVersion === undefined ? url : withQuery(url, { "api-version": apiVersion });
  }
  const version = { "api-version": apiVersion ?? defaultApiVersion };
  // Responses are not a deployment's own.
  const place = path === "/responses" ? "/openai" : `/openai/deployments/${encodeURIComponent(model)}`;
  return withQuery(joinUrl(baseUrl, place + path), version);
}

function modelsUrl(baseUrl: string): URL {
  if (v1Base.test(baseUrl)) return joinUrl(baseUrl, "/models");
  return withQuery(joinUrl(baseUrl, "/openai/models"), { "api-version": defaultApiVersion });
}

const paths: Readonly<Record<string, string>> = {
  "openai-completions": "/completions",
  "openai-responses": "/responses",
};

/** Azure OpenAI: a model is a deployment, the key goes in `api-key`. */
export const azure: Provider = {
  id: "azure",
  endpoint: ({ protocol, ...call }) => azureUrl({ ...call, path: paths[protocol] ?? "/chat/completions" }),
  authorize(headers, credential) {
    if (credential !== undefined) headers["api-key"] = credential;
  },
  models: { url: modelsUrl, read: readOpenaiModels },
  embeddings: { dialect: "openai-embeddings", url: (call) => azureUrl({ ...call, path: "/embeddings" }) },
  openaiEndpoint: azureUrl,
};
