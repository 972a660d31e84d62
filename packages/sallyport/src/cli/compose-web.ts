import { randomToken, type System } from "@sallyport/auth";
import {
  type AuthorizationServer,
  type ClientStore,
  createAuthorizationServer,
  type PlainAnswer,
  type ResourceDescription,
} from "@sallyport/auth/authorization-server";
import { createSafeFetchDocument, nodeCryptography } from "@sallyport/auth/node";
import type { Hono } from "hono";
import { accountPages, explainPages } from "../account/index.js";
import type { RelyingParty } from "../federation/index.js";
import type { GatewayOptions } from "../gateway/contract.js";
import type { Refusals } from "../gateway/refusals.js";
import { createSignIn, type LogoutPorts } from "../sign-in/index.js";
import { addressKey } from "../sign-in/rate-limit.js";
import type { Store } from "../stores/store.js";
import { KNOWN_SCHEMES } from "./client-data.js";
import { composeExplain } from "./compose-explain.js";
import type { ComposedServer } from "./compose-server.js";
import type { ComposedTelemetry } from "./compose-telemetry.js";
import type { ComposedVault } from "./compose-vault.js";
import { createDpopPorts } from "./dpop-ports.js";
import type { Installation } from "./installation.js";
import { machineOptions } from "./machines.js";
import { readGrantable } from "./records.js";

export interface WebParts {
  readonly installation: Installation;
  readonly issuer: string;
  readonly store: Store;
  readonly system: System;
  readonly servers: readonly ComposedServer[];
  readonly refusals: Refusals;
  /** Registered and configured ones. */
  readonly clients: ClientStore;
  readonly telemetry: Pick<ComposedTelemetry, "tokenAnswered">;
  readonly vault: ComposedVault | undefined;
  readonly idp: RelyingParty | undefined;
}

export type Web = Required<Pick<GatewayOptions, "web" | "plain">>;

/** Everything that is not an MCP endpoint: the authorization server, sign-in, the account page. */
export function composeWeb(parts: WebParts): Web {
  const { installation, issuer, store, system, clients } = parts;
  // The peer's address goes beside the request, never in one of its headers.
  const addresses = new WeakMap<object, string>();
  const remoteAddress = (request: object) => addresses.get(request);
  const describe = async (resource: string): Promise<ResourceDescription | undefined> =>
    parts.servers.find((server) => server.resource === resource)?.describe();
  const reader = { store, issuer, system, rolesMaxAge: installation.config.signIn.oidc.rolesMaxAge };
  const account = {
    storage: { clients, grants: store.grants, sessions: store.sessions },
    describeResource: describe,
    ...(parts.vault && { connections: parts.vault.account }),
  };
  const explain = composeExplain({ installation, reader, account, servers: parts.servers.filter(isOurs) });
  const signIn = createSignIn(
    {
      publicUrl: issuer,
      storage: store,
      system,
      remoteAddress,
      hasOwner: installation.hasOwner,
      endpoints: parts.servers.map(({ resource }) => new URL(resource).pathname),
      idp: parts.idp,
      logout: logoutPorts(store, system),
      kept: parts.vault?.signIns,
    },
    [...accountPages(account), ...explainPages(explain), ...(parts.vault?.pages ?? [])],
  );
  const authorizationServer = createAuthorizationServer({
    issuer,
    storage: { ...store, clients },
    keys: store.keys,
    // Nobody can be granted what another authorization server grants.
    resources: () => parts.servers.filter(isOurs).map(({ resource }) => resource),
    describeResource: describe,
    mayBeGranted: async (sub, client_id, resource) => {
      const server = parts.servers.find((candidate) => candidate.resource === resource);
      return server === undefined ? [] : readGrantable(reader, { sub, client_id }, server);
    },
    currentUser: (request, flow) => signIn.currentUser(request, flow),
    afterConsent: (request) => signIn.afterConsent(request),
    signOutUrl: (returnTo) => signIn.signOutUrl(returnTo),
    lastRefusal: (sub, client_id, resource, now) => parts.refusals.last({ sub, client_id, resource }, now),
    takeRefusal: (session_id, now) => parts.refusals.take(session_id, now),
    fetchDocument: createSafeFetchDocument(),
    registration: { ...installation.config.registration, knownSchemes: KNOWN_SCHEMES },
    documentSeen: (document) => store.clientDocuments.record(document, system.now()),
    lifetimes: installation.config.lifetimes,
    ...machineOptions({ installation, store, system, servers: parts.servers.filter(isOurs) }),
    authorizationDetails: true,
    dpop: { nonces: createDpopPorts(store).nonces },
    // Quotas count networks: whoever has one IPv6 address has its whole /64.
    remoteAddress: (request) => addressKey(remoteAddress(request)),
    cryptography: nodeCryptography,
    system,
    ...(installation.plainHttp && { dangerouslyAllowHttpIssuer: true }),
  });
  const app = createApp(authorizationServer, { signIn: signIn.app, system });
  const answer = countingTokens(authorizationServer, parts);
  const remember = (request: object, address: string | undefined) => {
    if (address !== undefined) addresses.set(request, address);
  };
  return {
    web: async (request, peer) => {
      remember(request, peer.remoteAddress);
      return app(request);
    },
    plain: (request, peer) => {
      remember(request, peer.remoteAddress);
      return answer(request);
    },
  };
}

function logoutPorts(store: Store, system: System): LogoutPorts {
  return {
    endAccess: (sub, before) => store.sessions.revoke({ sub, issued_before: before }, system.now()),
    recordOnce: (key, expires) => store.replay.record("logout-token", key, expires, system.now()),
  };
}

function isOurs({ installed }: ComposedServer): boolean {
  return installed.config.authorizationServers === undefined;
}

/** Codes of RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 9449 §5 and §8; whatever else there is counts as `error`. */
const TOKEN_ERRORS: ReadonlySet<unknown> = new Set([
  ...["invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"],
  ...[
    "invalid_scope",
    "invalid_target",
    "invalid_dpop_proof",
    "use_dpop_nonce",
    "server_error",
    "temporarily_unavailable",
  ],
]);

/** Tells what the token endpoint answers, where somebody counts. Who asked, and with what, is not looked at. */
function countingTokens(
  server: AuthorizationServer,
  { issuer, telemetry: { tokenAnswered } }: Pick<WebParts, "issuer" | "telemetry">,
): AuthorizationServer["answer"] {
  if (tokenAnswered === undefined) return (request) => server.answer(request);
  const place = `${issuer.replace(/\/$/, "")}/token`;
  return (request) => {
    const answer = server.answer(request);
    if (answer === undefined || request.method !== "POST" || request.url.split("?", 1)[0] !== place) return answer;
    return answer.then((answered) => {
      tokenAnswered(answered.status === 200 ? "issued" : errorOf(answered));
      return answered;
    });
  };
}

function errorOf({ body }: PlainAnswer): string {
  const error = (JSON.parse(body ?? "{}") as { readonly error?: unknown }).error;
  return TOKEN_ERRORS.has(error) ? String(error) : "error";
}

function createApp(
  authorizationServer: AuthorizationServer,
  { signIn, system }: { readonly signIn: Hono; readonly system: System },
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return (await authorizationServer.handle(request)) ?? (await signIn.fetch(request));
    } catch (error) {
      const incident = randomToken(system, 9);
      system.log("error", "page failed", { incident, error: error instanceof Error ? error.stack : String(error) });
      return new Response(`The server failed to answer. Its log has more under ${incident}.\n`, { status: 500 });
    }
  };
}
