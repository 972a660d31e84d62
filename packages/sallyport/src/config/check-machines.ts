import type { ClientConfig, TrustedIssuerConfig } from "./machine-settings.js";
import type { Problem } from "./problem.js";
import type { Config } from "./schema.js";
import { isSecureUrl } from "./setting.js";

/** Everything about clients of the configuration and what vouches for them. */
export function checkMachines(config: Config): readonly Problem[] {
  const clients = Object.entries(config.clients).flatMap(([id, client]) =>
    checkClient(client, config).map(({ path, message }) => ({ path: ["clients", id, ...path], message })),
  );
  const issuers = Object.entries(config.trustedIssuers).flatMap(([name, issuer]) =>
    checkIssuer(issuer, config).map(({ path, message }) => ({ path: ["trustedIssuers", name, ...path], message })),
  );
  return [...clients, ...issuers, ...checkAccess(config), ...checkIssuersOnce(config)];
}

function checkClient(client: ClientConfig, config: Config): readonly Problem[] {
  const problems: Problem[] = [];
  const proofs = [client.secret, client.jwks, client.jwksUri].filter((proof) => proof !== undefined);
  if (proofs.length > 1) problems.push({ path: [], message: "give one of `secret`, `jwks` and `jwksUri`" });
  if (client.jwksUri?.startsWith("https:") === false) {
    problems.push({ path: ["jwksUri"], message: "must be https" });
  }
  if (client.exchange !== undefined && proofs.length === 0) {
    problems.push({ path: ["exchange"], message: "takes a client that can prove who it is: give `secret` or `jwks`" });
  }
  const targets = { ...config.servers, ...config.apis };
  problems.push(...unknown(client.exchange ?? [], targets, { path: ["exchange"], what: "server or API" }));
  problems.push(...unknown(client.serves ?? [], targets, { path: ["serves"], what: "server or API" }));
  if (client.serves !== undefined && proofs.length === 0) {
    problems.push({ path: ["serves"], message: "takes a client that can prove who it is: give `secret` or `jwks`" });
  }
  if (client.tokenEndpointAudience !== undefined && (client.jwks ?? client.jwksUri) === undefined) {
    problems.push({
      path: ["tokenEndpointAudience"],
      message: "goes with `jwks` or `jwksUri`: it is about signed JWTs",
    });
  }
  if (client.mayAct !== undefined) {
    problems.push(...unknown([client.mayAct], config.clients, { path: ["mayAct"], what: "client" }));
  }
  return problems;
}

function checkIssuer(trusted: TrustedIssuerConfig, config: Config): readonly Problem[] {
  const problems: Problem[] = [];
  if (trusted.people === undefined && trusted.workloads === undefined) {
    problems.push({ path: [], message: "say whom it vouches for: `people`, or `workloads`" });
  }
  if (trusted.issuer === config.publicUrl) {
    problems.push({ path: ["issuer"], message: "this is Sallyport itself" });
  }
  for (const member of ["issuer", "jwksUri"] as const) {
    const url = trusted[member];
    if (url !== undefined && !isSecureUrl(url)) {
      problems.push({ path: [member], message: "must be https, or http on loopback" });
    }
  }
  for (const [index, { client, servers = [] }] of (trusted.workloads ?? []).entries()) {
    const at = ["workloads", index];
    problems.push(...unknown([client], config.clients, { path: [...at, "client"], what: "client" }));
    problems.push(...unknown(servers, config.servers, { path: [...at, "servers"], what: "server" }));
  }
  return problems;
}

/** One issuer in two entries: which of them counts would be an accident. */
function checkIssuersOnce({ trustedIssuers }: Config): readonly Problem[] {
  const entries = Object.entries(trustedIssuers);
  return entries
    .filter(([, { issuer }], index) => entries.findIndex(([, other]) => other.issuer === issuer) !== index)
    .map(([name]) => ({ path: ["trustedIssuers", name, "issuer"], message: "this issuer is listed already" }));
}

/** A client that `access` names must exist: a misspelt one would be entitled as soon as somebody takes the name. */
function checkAccess({ servers, clients }: Config): readonly Problem[] {
  return Object.entries(servers).flatMap(([name, { access = [] }]) =>
    access.flatMap(({ clients: named = [] }, index) =>
      unknown(named, clients, { path: ["servers", name, "access", index, "clients"], what: "client" }),
    ),
  );
}

function unknown(
  names: readonly string[],
  known: Readonly<Record<string, unknown>>,
  { path, what }: { readonly path: readonly (string | number)[]; readonly what: string },
): readonly Problem[] {
  return names
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => ({ path: [...path], message: `unknown ${what} ${JSON.stringify(name)}` }));
}
