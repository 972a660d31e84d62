import { createGlob } from "@sallyport/auth";
import type { EgressConfig } from "./egress-settings.js";
import type { Problem } from "./problem.js";
import { type Config, NAME, type ServerConfig } from "./schema.js";
import { isSecureUrl } from "./setting.js";

/** `egress`, and what `servers.*.env` says of it and of `connections`. */
export function checkEgress(config: Config): readonly Problem[] {
  const ways = Object.entries(config.egress).flatMap(([name, way]) => checkWay(name, way, config));
  const servers = Object.entries(config.servers).flatMap(([name, server]) =>
    checkEnv(server, config).map(({ path, message }) => ({ path: ["servers", name, "env", ...path], message })),
  );
  return [...ways, ...servers];
}

function checkWay(name: string, { url, paths, value }: EgressConfig, config: Config): readonly Problem[] {
  const problems: Problem[] = [];
  const say = (message: string, ...path: (string | number)[]) =>
    problems.push({ path: ["egress", name, ...path], message });
  if (!NAME.test(name)) say("a name is 1 to 40 of a-z, 0-9 and -");
  const { origin, href, username, password } = new URL(url);
  if (username !== "" || password !== "") say("must not hold credentials", "url");
  else if (href !== `${origin}/`) say(`name no path and no query here, only ${origin}; \`paths\` says the rest`, "url");
  if (!isSecureUrl(url)) say(`${JSON.stringify(origin)} is not https, and the credential would go there`, "url");
  for (const [index, path] of paths.entries()) {
    const wrong = pathProblem(path);
    if (wrong !== undefined) say(wrong, "paths", index);
  }
  if (isConnect(value)) {
    const wrong = unknown("connection", value.connect, config.connections);
    if (wrong !== undefined) say(wrong, "value");
  }
  return problems;
}

function pathProblem(path: string): string | undefined {
  try {
    createGlob(path);
  } catch (error) {
    return (error as Error).message;
  }
  if (/[?#]/.test(path)) return "paths are compared without the query";
  return path.split("/").some((part) => part === "." || part === "..") ? "no such path is ever let through" : undefined;
}

function checkEnv({ env, shared }: ServerConfig, config: Config): readonly Problem[] {
  return Object.entries(env).flatMap(([name, source]) => {
    const wrong = envProblem(source, shared, config);
    return wrong === undefined ? [] : [{ path: [name], message: wrong }];
  });
}

function envProblem(source: ServerConfig["env"][string], shared: boolean, config: Config): string | undefined {
  if (typeof source === "string") return undefined;
  if ("connect" in source) {
    const wrong = unknown("connection", source.connect, config.connections);
    return wrong ?? (shared ? OF_ONE_PERSON : undefined);
  }
  if (!("proxy" in source)) return undefined;
  const wrong = unknown("egress", source.proxy, config.egress);
  if (wrong !== undefined) return wrong;
  return shared && isConnect(config.egress[source.proxy]?.value) ? OF_ONE_PERSON : undefined;
}

const OF_ONE_PERSON = "is one person's own, and does not go with `shared: true`, where one child serves everybody";

function isConnect(value: EgressConfig["value"] | undefined): value is { readonly connect: string } {
  return typeof value === "object" && "connect" in value;
}

function unknown(what: "connection" | "egress", name: string, known: Readonly<Record<string, unknown>>) {
  if (Object.hasOwn(known, name)) return undefined;
  const names = Object.keys(known);
  const there = names.length === 0 ? "there are none" : `there are: ${names.join(", ")}`;
  return `unknown ${what} ${JSON.stringify(name)} in \`${what === "egress" ? "egress" : "connections"}\`; ${there}`;
}
