import type { Agent } from "./agent.js";
import { createLanguageModel } from "./language-model.js";

/** The language model that DESK_MODEL_URL, DESK_MODEL and DESK_MODEL_KEY name; `undefined` where they do not. */
export function modelFromEnvironment(environment: Readonly<Record<string, string | undefined>>): Agent | undefined {
  const { DESK_MODEL_URL: baseURL, DESK_MODEL: model, DESK_MODEL_KEY: apiKey } = environment;
  if (baseURL === undefined || model === undefined) return undefined;
  return createLanguageModel({ baseURL, model, ...(apiKey !== undefined && { apiKey }) });
}
