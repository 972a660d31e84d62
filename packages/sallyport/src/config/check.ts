import { checkConnections } from "./check-connections.js";
import { checkCredentials } from "./check-credentials.js";
import { checkEgress } from "./check-egress.js";
import { checkFederation } from "./check-federation.js";
import { checkMachines } from "./check-machines.js";
import { isLoopbackAddress } from "./exposure.js";
import type { Problem } from "./problem.js";
import { type Config, NAME, type ServerConfig } from "./schema.js";

/** What one setting means for another: everything that the types of single settings cannot say. Lists every problem. */
export function checkConfig(config: Config, accessOptional = false): readonly Problem[] {
  const problems: Problem[] = [
    ...checkPublicUrl(config),
    ...checkTls(config),
    ...checkAdmin(config),
    ...checkFederation(config),
    ...checkMachines(config),
    ...checkCredentials(config),
    ...checkConnections(config),
    ...checkEgress(config),
  ];
  const servers = Object.entries(config.servers);
  if (servers.length === 0) problems.push({ path: ["servers"], message: "name at least one server" });
  for (const [name, server] of servers) {
    if (!NAME.test(name)) {
      problems.push({
        path: ["servers", name],
        message: "a server name is 1 to 40 of a-z, 0-9 and -, since it stands in the URL",
      });
    }
    problems.push(
      ...checkServer(server, accessOptional).map(({ path, message }) => ({
        path: ["servers", name, ...path],
        message,
      })),
    );
  }
  return problems;
}

export function checkPublicUrl({ publicUrl }: Config): readonly Problem[] {
  if (publicUrl === undefined) return [];
  const url = new URL(publicUrl);
  const problems: Problem[] = [];
  const say = (message: string) => problems.push({ path: ["publicUrl"], message });
  if (url.search !== "" || url.hash !== "" || publicUrl.includes("?") || publicUrl.includes("#"))
    say("must have no query and no fragment");
  if (url.username !== "" || url.password !== "") say("must not hold credentials");
  if (publicUrl.endsWith("/")) say("must not end in a slash: clients compare it byte for byte");
  else if (url.href !== publicUrl && url.href !== `${publicUrl}/`)
    say(`write it as ${url.href.replace(/\/$/, "")}, the form that clients compare`);
  return problems;
}

export function checkTls({ listen: { tls } }: Config): readonly Problem[] {
  if ((tls.cert === undefined) === (tls.key === undefined)) return [];
  return [{ path: ["listen", "tls"], message: "own TLS needs both `listen.tls.cert` and `listen.tls.key`" }];
}

/** The token crosses the wire with every request. */
function checkAdmin({ admin, listen }: Config): readonly Problem[] {
  const problems: Problem[] = [];
  if (admin.port === undefined) return problems;
  if (!isLoopbackAddress(admin.host) && listen.tls.cert === undefined) {
    const message = "beyond loopback the admin API needs `listen.tls`; or reach it by a tunnel to loopback";
    problems.push({ path: ["admin", "host"], message });
  }
  if (admin.port !== 0 && admin.port === listen.port) {
    problems.push({ path: ["admin", "port"], message: "is the port of `listen`; the admin API has one of its own" });
  }
  return problems;
}

function checkServer(server: ServerConfig, accessOptional: boolean): readonly Problem[] {
  const problems: Problem[] = [];
  if ((server.upstream === undefined) === (server.command === undefined)) {
    problems.push({ path: [], message: "give exactly one of `upstream` (a URL) and `command` (a stdio server)" });
  }
  for (const only of ["env", "headers"] as const) {
    const wants = only === "env" ? "command" : "upstream";
    if (Object.keys(server[only]).length > 0 && server[wants] === undefined) {
      problems.push({ path: [only], message: `\`${only}\` goes with \`${wants}\`` });
    }
  }
  if (server.access === undefined && !accessOptional) {
    problems.push({
      path: [],
      message:
        "`access` is missing: say who may be granted what, for example `access: [{ roles: [staff], scopes: [mcp:read] }]`",
    });
  }
  const known = knownScopes(server);
  const check = (path: readonly (string | number)[], names: readonly string[] | undefined) => {
    for (const scope of names ?? []) {
      if (!known.has(scope))
        problems.push({
          path: [...path],
          message: `unknown scope ${JSON.stringify(scope)}; this server has ${[...known].join(", ")}`,
        });
    }
  };
  check(["baseline"], server.baseline);
  for (const [index, entry] of (server.access ?? []).entries()) check(["access", index, "scopes"], entry.scopes);
  for (const [scope, entry] of Object.entries(server.scopes ?? {}))
    check(["scopes", scope, "includes"], entry.includes);
  return problems;
}

function knownScopes(server: ServerConfig): ReadonlySet<string> {
  return new Set(server.scopes === undefined ? ["mcp:read", "mcp:write"] : Object.keys(server.scopes));
}
