import type { ConnectionConfig } from "./connection-settings.js";
import type { Problem } from "./problem.js";
import type { Config } from "./schema.js";
import { NAME } from "./schema.js";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** `connections`: who the other system is, and whether it could know us. */
export function checkConnections({ connections, publicUrl }: Config): readonly Problem[] {
  return Object.entries(connections).flatMap(([name, connection]) => {
    const named = NAME.test(name) ? [] : ["a connection's name is 1 to 40 of a-z, 0-9 and -, since it stands in a URL"];
    return [...named, ...problemsOf(connection, publicUrl)].map((message) => ({
      path: ["connections", name],
      message,
    }));
  });
}

function problemsOf(connection: ConnectionConfig, publicUrl: string | undefined): readonly string[] {
  const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint, clientId, clientSecret } = connection;
  const problems: string[] = [];
  const endpoints = [authorizationEndpoint, tokenEndpoint];
  const given = endpoints.filter((endpoint) => endpoint !== undefined).length;
  if (issuer === undefined ? given !== 2 : given !== 0 || revocationEndpoint !== undefined) {
    problems.push("give either `issuer`, or both `authorizationEndpoint` and `tokenEndpoint`");
  }
  for (const url of [issuer, ...endpoints, revocationEndpoint]) {
    if (url !== undefined && !isSafe(url))
      problems.push(`${JSON.stringify(url)} is not https, and codes and tokens would go there`);
  }
  if (clientId !== undefined) return problems;
  if (clientSecret !== undefined) problems.push("`clientSecret` goes with `clientId`");
  // A client ID metadata document is fetched by the other system, from an https address.
  if (publicUrl?.startsWith("https://") !== true) {
    problems.push(
      "without `clientId` the other system reads our client ID metadata document, which needs an https `publicUrl`",
    );
  }
  return problems;
}

function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || LOOPBACK.has(hostname);
}
