import type { Environment } from "./load.js";
import type { Problem } from "./problem.js";
import type { Config } from "./schema.js";

const VARIABLES = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] as const;

/** The variable that sends https requests of this machine through a proxy; `undefined`: none does. */
export function proxyVariable(environment: Environment): string | undefined {
  return VARIABLES.find((name) => (environment[name] ?? "") !== "");
}

/**
 * Client ID metadata documents are fetched from the very address that was judged (RFC 9700 §4.14), past any proxy. Where there has to be one,
 * that either fails or leaves the network by a way that its operator closed; and what a proxy would connect to, nobody could judge.
 */
export function checkProxy({ registration }: Config, environment: Environment): readonly Problem[] {
  const variable = proxyVariable(environment);
  if (registration.documents === "off" || variable === undefined) return [];
  const message =
    `${variable} is set, and client ID metadata documents are fetched without a proxy, since the addresses behind one cannot be checked: ` +
    `write \`documents: off\`, or start without ${variable}`;
  return [{ path: ["registration", "documents"], message }];
}
