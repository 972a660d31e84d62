import { createCallGlob } from "@sallyport/auth";
import type {
  CredentialConfig,
  CredentialScopeConfig,
  SubjectConfig,
  TokenServerConfig,
} from "./credential-settings.js";
import type { Problem } from "./problem.js";
import type { Config, ServerConfig } from "./schema.js";
import { isSecureUrl, listOf } from "./setting.js";

type Path = readonly (string | number)[];

/** Everything about what goes on to the systems behind. */
export function checkCredentials(config: Config): readonly Problem[] {
  const servers = Object.entries(config.servers).flatMap(([name, server]) =>
    checkServer(server, config).map(({ path, message }) => ({ path: ["servers", name, ...path], message })),
  );
  return [...servers, ...checkApis(config)];
}

function checkServer(server: ServerConfig, config: Config): readonly Problem[] {
  const { credential, credentials = [], headers } = server;
  const all: (readonly [Path, CredentialConfig])[] = [
    ...(credential === undefined ? [] : [[["credential"], credential] as const]),
    ...credentials.map((row, index) => [["credentials", index], row] as const),
  ];
  if (all.length === 0) return [];
  const problems: Problem[] = all.flatMap(([path, one]) => checkCredential(one, { path, server, config }));
  const [[first] = [[]]] = all;
  if (server.upstream === undefined) {
    problems.push({ path: first, message: "goes with `upstream`; a stdio server gets what it needs from `env`" });
  }
  const fixed = Object.keys(headers).map((name) => name.toLowerCase());
  if (fixed.includes("authorization")) {
    problems.push({
      path: ["headers"],
      message: "`Authorization` stands in `headers` already: one of the two would be lost",
    });
  }
  for (const [index, row] of credentials.entries()) {
    for (const glob of listOf(row.for)) {
      const wrong = glob.startsWith("requests/") ? ASKED_OF_CLIENTS : globProblem(glob);
      if (wrong !== undefined) problems.push({ path: ["credentials", index, "for"], message: wrong });
    }
  }
  return problems;
}

/** They go the other way: their answers go on with `credential`. */
const ASKED_OF_CLIENTS =
  "what a server asks of clients (`requests/…`) needs no credential: name tools, prompts or resources";

function globProblem(glob: string): string | undefined {
  try {
    createCallGlob(glob);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function checkConnect(connection: string, { path, config }: Where): readonly Problem[] {
  if (Object.hasOwn(config.connections, connection)) return [];
  const known = Object.keys(config.connections);
  const there = known.length === 0 ? "there are none" : `there are: ${known.join(", ")}`;
  return [{ path, message: `unknown connection ${JSON.stringify(connection)} in \`connections\`; ${there}` }];
}

interface Where {
  readonly path: Path;
  readonly server: ServerConfig;
  readonly config: Config;
}

function checkCredential(
  { exchange, clientCredentials, idJag, connect }: CredentialConfig,
  where: Where,
): readonly Problem[] {
  const under = (...more: Path): Where => ({ ...where, path: [...where.path, ...more] });
  if (connect !== undefined) return checkConnect(connect, under("connect"));
  if (exchange !== undefined) {
    const at = under("exchange");
    return exchange.api === undefined
      ? [
          ...checkTokenServer(exchange, at),
          ...checkScope(exchange.scope, at),
          ...checkGrant(exchange, at),
          ...checkSubject(exchange.subject, at),
        ]
      : checkOwn(exchange, at);
  }
  if (clientCredentials !== undefined) {
    const at = under("clientCredentials");
    return [...checkTokenServer(clientCredentials, at), ...checkScope(clientCredentials.scope, at)];
  }
  if (idJag === undefined) return [];
  const at = under("idJag");
  const problems = [...checkTokenServer(idJag, at), ...checkTokenServer(idJag.idp, under("idJag", "idp"))];
  if (idJag.audience === undefined && idJag.issuer === undefined) {
    problems.push({ path: at.path, message: "`audience` is missing: the issuer of the server that takes the ID-JAG" });
  }
  return [...problems, ...checkScope(idJag.scope, at), ...checkSubject(idJag.subject, at)];
}

/** What is shown has to be kept. */
function checkSubject(subject: SubjectConfig, { path, config: { signIn } }: Where): readonly Problem[] {
  if (subject === "caller" || signIn.oidc.keepTokens) return [];
  const message = `${JSON.stringify(subject)} needs \`signIn.oidc.keepTokens: true\`: so far nothing is kept of sign-ins`;
  return [{ path: [...path, "subject"], message }];
}

function checkTokenServer(
  { issuer, tokenEndpoint, client }: Partial<TokenServerConfig>,
  { path }: Where,
): readonly Problem[] {
  const problems: Problem[] = [];
  if ((issuer === undefined) === (tokenEndpoint === undefined)) {
    problems.push({ path, message: "give exactly one of `issuer` and `tokenEndpoint`" });
  }
  if (client === undefined) problems.push({ path, message: "`client` is missing: how the gateway is known there" });
  for (const [name, url] of Object.entries({ issuer, tokenEndpoint })) {
    if (url !== undefined && !isSecureUrl(url)) {
      problems.push({ path: [...path, name], message: "must be https, or http on loopback" });
    }
  }
  return problems;
}

function checkGrant(
  { grant, resource, audience, scope, actor, subject }: NonNullable<CredentialConfig["exchange"]>,
  { path }: Where,
) {
  const problems: Problem[] = [];
  if (grant === "token-exchange") {
    if ((resource ?? audience ?? scope) === undefined) {
      problems.push({ path, message: "say what the token is for: `resource`, `audience` or `scope`" });
    }
    return problems;
  }
  if (scope === undefined) problems.push({ path, message: "`on-behalf-of` needs `scope`" });
  if ((resource ?? audience) !== undefined) {
    problems.push({ path, message: "`on-behalf-of` knows no `resource` and no `audience`: `scope` names the target" });
  }
  if (subject === "idp-id-token") {
    problems.push({ path: [...path, "subject"], message: "`on-behalf-of` takes access tokens only" });
  }
  if (actor === "client") problems.push({ path: [...path, "actor"], message: "`on-behalf-of` knows no actor token" });
  return problems;
}

/** Our own authorization server: the API says what its tokens are. */
function checkOwn(
  exchange: NonNullable<CredentialConfig["exchange"]>,
  { path, server, config }: Where,
): readonly Problem[] {
  const problems: Problem[] = [];
  const { api = "", issuer, tokenEndpoint, client, resource, audience, scope, dpop, actor } = exchange;
  const given = { issuer, tokenEndpoint, client, resource, audience, scope };
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) problems.push({ path: [...path, name], message: "`apis` says it already" });
  }
  if (dpop || actor !== "none" || exchange.grant !== "token-exchange" || exchange.subject !== "caller") {
    problems.push({ path, message: "`api` goes alone: such a token is made in this process" });
  }
  if (!Object.hasOwn(config.apis, api)) {
    problems.push({ path: [...path, "api"], message: `unknown API ${JSON.stringify(api)}; list it under \`apis\`` });
  }
  if (config.apis[api]?.behind !== undefined) {
    problems.push({ path: [...path, "api"], message: "stands behind another API, which alone leads to it" });
  }
  if (server.authorizationServers !== undefined) {
    problems.push({
      path: [...path, "api"],
      message: "the callers of this server have tokens of `authorizationServers`",
    });
  }
  return problems;
}

/** A mapping names every scope of the server, and no other: a call must not fail for want of a line. */
function checkScope(scope: CredentialScopeConfig | undefined, { path, server }: Where): readonly Problem[] {
  if (scope === undefined || typeof scope === "string") return [];
  const known = server.scopes === undefined ? ["mcp:read", "mcp:write"] : Object.keys(server.scopes);
  const at = [...path, "scope"];
  const missing = known.filter((name) => !Object.hasOwn(scope, name));
  const unknown = Object.keys(scope).filter((name) => !known.includes(name));
  return [
    ...missing.map((name) => ({
      path: at,
      message: `the scope ${JSON.stringify(name)} of this server is mapped to nothing`,
    })),
    ...unknown.map((name) => ({ path: [...at, name], message: `this server has no scope ${JSON.stringify(name)}` })),
  ];
}

function checkApis({ apis, servers, publicUrl, listen }: Config): readonly Problem[] {
  const entries = Object.entries(apis);
  const twice = Object.keys(apis).filter((name) => Object.hasOwn(servers, name));
  const named = twice.map((name) => ({
    path: ["apis", name],
    message: "a server has this name: `exchange` could not tell them apart",
  }));
  return [
    ...named,
    ...entries.flatMap(([name, { behind }]) =>
      behind === undefined || (behind !== name && Object.hasOwn(apis, behind))
        ? []
        : [{ path: ["apis", name, "behind"], message: "names another of `apis`" }],
    ),
    ...entries.flatMap(([name, { resource, scopes }], index) => {
      const say = (message: string): Problem => ({ path: ["apis", name, "resource"], message });
      const problems: Problem[] = [];
      if (entries.findIndex(([, other]) => other.resource === resource) !== index)
        problems.push(say("is listed already"));
      // A token for an API must open no server: its scopes are derived, and nobody agreed to them.
      const own = publicUrl ?? `http://localhost:${listen.port}`;
      if (resource === own || Object.keys(servers).some((server) => resource === `${own}/mcp/${server}`)) {
        problems.push(say("is served here"));
      }
      if (Object.keys(scopes).length === 0) {
        problems.push({ path: ["apis", name, "scopes"], message: "name at least one scope" });
      }
      return problems;
    }),
  ];
}
