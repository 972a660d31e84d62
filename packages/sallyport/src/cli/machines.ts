import type { System } from "@sallyport/auth";
import type {
  AuthorizationServerOptions,
  TrustedAssertionIssuer,
  WorkloadRule,
} from "@sallyport/auth/authorization-server";
import type { TrustedIssuerConfig } from "../config/machine-settings.js";
import { createIssuerKeys, mapRoles } from "../federation/index.js";
import { foreignUserName, newUser } from "../sign-in/index.js";
import type { Store } from "../stores/store.js";
import type { Installation } from "./installation.js";
import type { EntitledServer } from "./records.js";
import { listsOf } from "./sign-in-elsewhere.js";

interface MachineParts {
  readonly installation: Installation;
  readonly store: Store;
  readonly system: System;
  readonly servers: readonly Pick<EntitledServer, "installed" | "resource">[];
}

/** What the authorization server needs to know of `clients` and `trustedIssuers`. */
export function machineOptions(
  parts: MachineParts,
): Pick<
  AuthorizationServerOptions,
  | "clientCredentials"
  | "deviceGrant"
  | "acceptTokenEndpointAudience"
  | "introspectedBy"
  | "mayExchange"
  | "apis"
  | "actorFor"
  | "trustedIssuers"
> {
  const { clients, trustedIssuers } = parts.installation.config;
  const clientOf = (id: string) => (Object.hasOwn(clients, id) ? clients[id] : undefined);
  const all = Object.values(clients);
  const proving = all.some(({ secret, jwks, jwksUri }) => (secret ?? jwks ?? jwksUri) !== undefined);
  const exchanging = all.some(({ exchange }) => exchange !== undefined);
  const servedBy = (id: string) => {
    const served = clientOf(id)?.serves ?? [];
    return [...resourcesOf(parts, served), ...apisOf(parts, served)];
  };
  return {
    // What nobody can use is not advertised.
    clientCredentials: proving,
    deviceGrant: all.some(({ device }) => device === true),
    ...(exchanging && {
      mayExchange: (client_id: string) => {
        const names = clientOf(client_id)?.exchange;
        if (names === undefined) return undefined;
        return { resources: [...resourcesOf(parts, names), ...apisOf(parts, names)], serves: servedBy(client_id) };
      },
    }),
    acceptTokenEndpointAudience: (client_id) => clientOf(client_id)?.tokenEndpointAudience === true,
    ...(all.some(({ serves }) => serves !== undefined) && { introspectedBy: servedBy }),
    apis: Object.values(parts.installation.config.apis).map(({ resource, scopes, behind }) => {
      const [front] = behind === undefined ? [] : apisOf(parts, [behind]);
      return { resource, scopes, ...(front !== undefined && { behind: front }) };
    }),
    actorFor: (client_id) => clientOf(client_id)?.mayAct,
    trustedIssuers: Object.values(trustedIssuers).map((issuer) => trust(issuer, parts)),
  };
}

function resourcesOf({ servers }: MachineParts, names: readonly string[]): readonly string[] {
  return servers.filter(({ installed }) => names.includes(installed.name)).map(({ resource }) => resource);
}

function apisOf({ installation }: MachineParts, names: readonly string[]): readonly string[] {
  const apis = Object.entries(installation.config.apis);
  return apis.flatMap(([name, { resource }]) => (names.includes(name) ? [resource] : []));
}

function trust(trusted: TrustedIssuerConfig, parts: MachineParts): TrustedAssertionIssuer {
  const { issuer, jwksUri, people, workloads } = trusted;
  return {
    issuer,
    keys: createIssuerKeys({ issuer, keysUrl: jwksUri, system: parts.system }),
    ...(people !== undefined && { subjectOf: (claims) => admitPerson({ issuer, ...people }, claims, parts) }),
    ...(workloads !== undefined && {
      workloads: workloads.map(
        ({ client, servers, claims }): WorkloadRule => ({
          client_id: client,
          claims,
          ...(servers !== undefined && { resources: resourcesOf(parts, servers) }),
        }),
      ),
    }),
  };
}

const ROLE_CLAIMS = ["groups", "roles"];

/**
 * The person that (issuer, sub) is here, made at the first assertion as at a first sign-in. Roles are written only where this issuer is one
 * that says some: otherwise an assertion would take away what a sign-in with the same provider gave.
 */
async function admitPerson(
  {
    issuer,
    roles: mapping,
    roleClaims = ROLE_CLAIMS,
  }: { readonly issuer: string } & NonNullable<TrustedIssuerConfig["people"]>,
  claims: Readonly<Record<string, unknown>>,
  { store, system }: MachineParts,
): Promise<string | undefined> {
  const subject = String(claims.sub);
  const known = await store.identities.find(issuer, subject);
  if (known !== undefined && mapping === undefined) return known;
  const name = [claims.preferred_username, claims.name, claims.email].find((value) => typeof value === "string");
  const newcomer = newUser(system, { name: foreignUserName(name, system.randomBytes(5)), roles: [], owner: false });
  const roles = mapping === undefined ? [] : mapRoles(claims, roleClaims, listsOf(mapping));
  const user = await store.identities.signIn({ issuer, subject, name, roles, roles_at: system.now() }, newcomer);
  return user.disabled ? undefined : user.sub;
}
