import {
  createResourceServer,
  type JsonObject,
  type KeySet,
  type McpCall,
  type Policy,
  type Principal,
  type System,
  type TrustedIssuer,
} from "@sallyport/auth";
import type { ResourceDescription } from "@sallyport/auth/authorization-server";
import { sha256Node, verifySignatureNode } from "@sallyport/auth/node";
import type { AccessConfig } from "../config/schema.js";
import type { DecisionRecorder } from "../decision-log/index.js";
import type { GatewayServer } from "../gateway/contract.js";
import { notRecorded } from "../gateway/failures.js";
import type { Liveness } from "../gateway/liveness.js";
import { type Catalogue, createCatalogue } from "../policy/catalogue.js";
import { READ } from "../policy/default-scopes.js";
import { describeResource } from "../policy/describe.js";
import { PolicyHolder } from "../policy/policy-holder.js";
import { QUARANTINE } from "../policy/replay.js";
import { createServerPolicy } from "../policy/server-policy.js";
import { createIdSealer } from "../sealing/ids.js";
import type { Store } from "../stores/store.js";
import type { CredentialSource } from "../upstream/credentials/contract.js";
import type { Issued } from "../upstream/credentials/token-credentials.js";
import { createHttpUpstream } from "../upstream/http.js";
import { createStdioUpstream } from "../upstream/stdio.js";
import { type Upstream, UpstreamError } from "../upstream/upstream.js";
import { composeCredentials } from "./compose-credentials.js";
import type { ComposedLog } from "./compose-log.js";
import { composeProvisions } from "./compose-provisions.js";
import type { ComposedTelemetry } from "./compose-telemetry.js";
import type { ComposedVault } from "./compose-vault.js";
import { createDpopPorts } from "./dpop-ports.js";
import { composeExternalIssuer } from "./external-issuers.js";
import type { Installation, InstalledServer } from "./installation.js";
import type { SealedSecrets } from "./sealed-secrets.js";
import { headerReader } from "./secrets.js";
import { lastWordsOf, type StartProblem, startProblemOf } from "./start-problem.js";
import { keepDefinitions } from "./tool-definitions.js";

/** One server with everything that the gateway and the pages need of it. */
export interface ComposedServer {
  readonly installed: InstalledServer;
  readonly resource: string;
  /** Every scope there is now. */
  readonly scopes: readonly string[];
  /** Who may be granted what, now. */
  readonly access: readonly AccessConfig[] | undefined;
  readonly gateway: GatewayServer;
  readonly upstream: Upstream;
  readonly catalogue: Catalogue;
  readonly policy: PolicyHolder;
  describe(): ResourceDescription;
  /** Reads the server's tools into the catalogue. Answers what went wrong, for the person who starts it. */
  learn(): Promise<StartProblem | undefined>;
}

export interface ServerParts {
  readonly installation: Installation;
  readonly issuer: string;
  readonly store: Store;
  readonly system: System;
  readonly keys: KeySet;
  readonly liveness: Liveness;
  readonly log: ComposedLog;
  readonly telemetry: ComposedTelemetry;
  readonly readsScopeResult: (principal: Principal) => Promise<boolean>;
  readonly vault: ComposedVault | undefined;
  readonly secrets: SealedSecrets;
}

export async function composeServer(installed: InstalledServer, parts: ServerParts): Promise<ComposedServer> {
  const { issuer, store, system } = parts;
  const { name, title, config } = installed;
  const resource = issuer + installed.path;
  const catalogue = await createCatalogue({ server: name, store: store.catalogue, system, handling: config.tools });
  const policy = new PolicyHolder(createServerPolicy(parts.installation.config, installed, catalogue));
  const resourceServer = createResourceServer({
    resource,
    server: name,
    issuers: issuersOf(installed, resource, parts),
    policy,
    baseline: () => policy.current.baseline,
    denials: config.denials,
    isLive: parts.liveness.isLive(resource),
    metadata: { resource_name: title, ...config.metadata },
    allowedOrigins: config.allowedOrigins,
    verifySignature: verifySignatureNode,
    sha256: sha256Node,
    dpop: createDpopPorts(store),
    details: { replay: createDpopPorts(store).replay },
    system,
  });
  const decisions = parts.log.recorderOf(installed, {
    reads: (call) => reads(call, policy, catalogue),
    toolScopeOf: (tool) => (catalogue.isQuarantined(tool) ? QUARANTINE : catalogue.scopeOf(tool)),
  });
  const credentials = await composeCredentials(installed, {
    ...{ installation: parts.installation, issuer, resource, policy, keys: store.keys, system },
    onIssued: (issued) => keepIssued(decisions, issued),
    vault: parts.vault?.vault,
    signInUrl: parts.vault?.signInUrl,
    secrets: parts.secrets,
  });
  const upstream = createUpstream(installed, parts, credentials);
  const observer = parts.telemetry.observerOf(installed, catalogue);
  return {
    installed,
    resource,
    get scopes() {
      return policy.current.scopes;
    },
    get access() {
      return policy.current.config.access;
    },
    upstream,
    catalogue,
    policy,
    gateway: {
      resourceServer,
      upstream,
      identifiers: createIdSealer(store.sealer),
      list: config.list,
      ...(observer && { observer }),
      readsScopeResult: parts.readsScopeResult,
      decisions,
      ...(credentials && { credentials }),
      observeTools: (tools) => catalogue.observe(tools),
      inputSchemaOf: (tool) => catalogue.inputSchemaOf(tool),
    },
    describe: () => {
      const { baseline, config: now, policy: inForce } = policy.current;
      return describeResource({
        resource,
        name: title,
        policy: inForce,
        catalogue,
        baseline,
        ...(now.scopes && { scopes: now.scopes }),
      });
    },
    learn: () => learn({ upstream, catalogue, installed }, parts),
  };
}

/** A token that the log cannot name is not used. @throws McpError 503 */
function keepIssued(decisions: DecisionRecorder, issued: Issued): void {
  try {
    decisions.recordIssued?.(issued);
  } catch (error) {
    throw notRecorded(error);
  }
}

/** Ours, or those that the entry names instead, in its order. */
function issuersOf({ name, config }: InstalledServer, resource: string, parts: ServerParts): readonly TrustedIssuer[] {
  const { authorizationServers } = config;
  if (authorizationServers === undefined) return [{ issuer: parts.issuer, keys: parts.keys }];
  const { baseFolder } = parts.installation;
  return authorizationServers.map((entry, index) => {
    const setting = `servers.${name}.authorizationServers[${index}]`;
    return composeExternalIssuer(entry, resource, {
      baseFolder,
      setting,
      system: parts.system,
      secrets: parts.secrets,
    });
  });
}

/** Everything but a tool call looks things up; so does a tool that `mcp:read` permits, or that was annotated so when it was first seen. */
function reads(call: McpCall, policy: Policy, catalogue: Catalogue): boolean {
  if (call.kind !== "tool" && call.kind !== "task") return true;
  return policy.permittedBy(call).includes(READ) || (call.name !== undefined && catalogue.scopeOf(call.name) === READ);
}

async function learn(
  { upstream, catalogue, installed }: Pick<ComposedServer, "upstream" | "catalogue" | "installed">,
  { installation, store, system, telemetry }: ServerParts,
): Promise<StartProblem | undefined> {
  try {
    const { tools } = await upstream.describe();
    telemetry.learnt(installed, undefined);
    const definitions = tools as readonly JsonObject[];
    catalogue.observe(definitions);
    await catalogue.saved();
    try {
      const wanted = new Set((await store.catalogue.load(installed.name)).map(({ hash }) => hash));
      keepDefinitions({ installation, server: installed }, definitions, wanted);
    } catch (error) {
      system.log("warn", "the definitions of tools were not kept: `tools diff` cannot show them", {
        error: String(error),
      });
    }
    return undefined;
  } catch (error) {
    telemetry.learnt(installed, error);
    if (error instanceof UpstreamError) {
      return { problem: startProblemOf(error, installed.config), lastLines: lastWordsOf(error) };
    }
    throw error;
  }
}

export function createUpstream(
  installed: InstalledServer,
  { installation, system, vault, secrets }: Pick<ServerParts, "installation" | "system" | "vault" | "secrets">,
  credentials?: CredentialSource,
): Upstream {
  const { name, title, config } = installed;
  const { baseFolder } = installation;
  const setting = name === "" ? "" : `servers.${name}.`;
  const [program, ...rest] = config.command ?? [];
  if (program !== undefined) {
    return createStdioUpstream({
      name: title,
      command: [program, ...rest],
      hostEnvironment: process.env,
      provisions: composeProvisions(installed, { installation, system, vault: vault?.vault, secrets }),
      cwd: config.cwd ?? baseFolder,
      shared: config.shared,
      system,
    });
  }
  return createHttpUpstream({
    url: config.upstream ?? "",
    headers: headerReader(config.headers, { secrets, baseFolder, setting: `${setting}headers` }),
    ...(credentials?.own && { ownHeaders: async () => (await credentials.own?.())?.headers ?? {} }),
    system,
  });
}
