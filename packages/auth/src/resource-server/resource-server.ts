import { McpError } from "../core/mcp-error.js";
import { OAuthError } from "../core/oauth-error.js";
import { parseResource, protectedResourceMetadataUrl } from "../core/resource.js";
import { formatScope } from "../core/scope.js";
import { DPOP_ALGORITHMS } from "../oauth/dpop.js";
import { formatProtectedResourceMetadata, withoutOfflineAccess } from "../oauth/protected-resource-metadata.js";
import { sha256Web } from "../oauth/thumbprint.js";
import { verifySignatureWeb } from "../oauth/verify-signature.js";
import { randomToken, system as realSystem, type System } from "../system.js";
import { createAuthenticate, type KnownIssuer } from "./authenticate.js";
import { authorize } from "./authorize.js";
import type { Refusal, ResourceServer, ResourceServerOptions, TrustedIssuer } from "./contract.js";
import { createOriginPolicy } from "./origin.js";
import { type ChallengeContext, type MessageId, refuseMcp, refuseOAuth } from "./refusal.js";

const DEFAULT_CACHED_TOKENS = 10_000;
const DEFAULT_CLOCK_SKEW = 5;
const MAX_CLOCK_SKEW = 60;

/**
 * An OAuth 2.1 protected resource for MCP (RFC 6750, RFC 9068, RFC 9728; R-03…R-50): who is calling, and may they.
 * Does NOT read bodies, talk HTTP or validate `Origin`: `protectMcp` joins those for `Request` and `Response`.
 * @throws TypeError that lists every problem of the options at once.
 */
export function createResourceServer(options: ResourceServerOptions): ResourceServer {
  validateOptions(options);
  const { resource, policy, dpop, isLive } = options;
  const system = options.system ?? realSystem;
  const metadataUrl = protectedResourceMetadataUrl(resource);
  const nonces = dpop?.nonces;
  const dpopAlgorithms = dpop === undefined ? undefined : DPOP_ALGORITHMS;
  const given = options.baseline;
  const baselineNow = typeof given === "function" ? given : () => given;
  const metadata = ofLatest(baselineNow, (baseline) =>
    formatProtectedResourceMetadata({
      resource,
      issuers: options.issuers.map(({ issuer }) => issuer),
      baseline,
      formTokens: options.formTokens ?? false,
      ...(dpopAlgorithms === undefined ? {} : { dpopAlgorithms }),
      details: options.details !== undefined,
      ...(options.metadata === undefined ? {} : { extra: options.metadata }),
    }),
  );
  const challenged = ofLatest(baselineNow, (baseline) => formatScope(withoutOfflineAccess(baseline)));
  const challenge: ChallengeContext = {
    metadataUrl,
    get baseline() {
      return challenged();
    },
    dpopAlgorithms: dpopAlgorithms?.join(" "),
    ...(nonces === undefined ? {} : { dpopNonce: () => nonces.current(system.now()) }),
  };
  const authenticate = createAuthenticate({
    issuers: new Map(options.issuers.map((one) => [one.issuer, knownIssuer(one, options)])),
    resource,
    policy,
    isLive,
    dpop,
    system,
    verifySignature: options.verifySignature ?? verifySignatureWeb,
    sha256: options.sha256 ?? sha256Web,
    formTokens: options.formTokens ?? false,
    tokenExchange: options.tokenExchange ?? false,
    clockSkew: options.clockSkew ?? DEFAULT_CLOCK_SKEW,
    cachedTokens: options.cachedTokens ?? DEFAULT_CACHED_TOKENS,
  });
  const ports = { policy, challenge, system, denials: options.denials ?? "status", once: options.details?.replay };
  return {
    resource,
    metadataUrl,
    policy,
    server: options.server ?? "",
    origins: createOriginPolicy(options),
    metadata,
    authenticate,
    forgetTokens: () => authenticate.forget(),
    authorize: (who, body, calls, request) => authorize({ who, body, calls, request }, ports),
    refuse: (error, context) => refuse(error, { challenge, system, id: context?.id ?? null }),
  };
}

/** Servers with a dialect have types of their own; their details are read as nothing rather than guessed at. */
function knownIssuer(issuer: TrustedIssuer, { resource, details }: ResourceServerOptions): KnownIssuer {
  return {
    ...issuer,
    audience: issuer.audience ?? [resource],
    ...(details !== undefined && issuer.dialect === undefined && { details: true }),
  };
}

/** Made again when what it is made of has become another. */
function ofLatest<In, Out>(read: () => In, make: (value: In) => Out): () => Out {
  let from = read();
  let made = make(from);
  return () => {
    const latest = read();
    if (latest !== from) [from, made] = [latest, make(latest)];
    return made;
  };
}

interface RefuseContext {
  readonly challenge: ChallengeContext;
  readonly system: System;
  readonly id: MessageId;
}

function refuse(error: unknown, { challenge, system, id }: RefuseContext): Refusal {
  if (error instanceof OAuthError) return refuseOAuth(error, challenge);
  if (error instanceof McpError) return refuseMcp(error, id);
  const incident = randomToken(system, 12);
  system.log("error", "request failed", { incident, error: error instanceof Error ? error.stack : String(error) });
  const description = `The server failed to answer. Its log has more under ${incident}.`;
  const failure = new OAuthError("server_failure", { description, detail: incident, cause: error });
  return refuseOAuth(failure, challenge);
}

/** Programmer misuse shows at start, all of it at once, and not at the first request. */
function validateOptions(options: ResourceServerOptions): void {
  const { resource, issuers, clockSkew = 0, cachedTokens = 1 } = options;
  const problems = [
    isExactResource(resource) ? "" : "resource: not an absolute http(s) URL in its canonical form, without fragment",
    issuers.length > 0 ? "" : "issuers: at least one is needed",
    new Set(issuers.map(({ issuer }) => issuer)).size === issuers.length ? "" : "issuers: one is listed twice",
    issuers.every(({ audience }) => audience === undefined || audience.length > 0)
      ? ""
      : "issuers: an audience list is empty",
    clockSkew >= 0 && clockSkew <= MAX_CLOCK_SKEW ? "" : `clockSkew: 0 to ${MAX_CLOCK_SKEW} seconds`,
    cachedTokens >= 1 ? "" : "cachedTokens: at least 1",
    issuers.every(({ keys, introspection }) => (keys === undefined) !== (introspection === undefined))
      ? ""
      : "issuers: each needs exactly one of keys and introspection",
    issuers.filter(({ introspection }) => introspection !== undefined).length <= 1
      ? ""
      : "issuers: only one may have introspection, since an opaque token does not say whose it is",
    issuers.every(({ dialect, clients }) => dialect?.withoutAudience !== true || (clients?.length ?? 0) > 0)
      ? ""
      : "issuers: where tokens may lack an audience, clients must be listed",
    typeof options.isLive === "function" ? "" : "isLive: required; noLocalRecords() where no records are kept",
  ].filter((problem) => problem !== "");
  if (problems.length > 0) throw new TypeError(`createResourceServer: ${problems.join("; ")}`);
}

/** What is published must be what clients compare byte for byte. */
function isExactResource(resource: string): boolean {
  try {
    return parseResource(resource) === resource;
  } catch {
    return false;
  }
}
