import { createResourceServer, type JsonObject, type KeySet, type Policy, type System } from "@sallyport/auth";
import type { ResourceDescription } from "@sallyport/auth/authorization-server";
import { sha256Node, verifySignatureNode } from "@sallyport/auth/node";
import type { GatewayServer } from "../gateway/contract.js";
import type { Liveness } from "../gateway/liveness.js";
import { type Catalogue, createCatalogue } from "../policy/catalogue.js";
import { createDefaultPolicy } from "../policy/default-policy.js";
import { DEFAULT_INCLUDES, READ } from "../policy/default-scopes.js";
import { describeResource } from "../policy/describe.js";
import { createScopesPolicy } from "../policy/scopes-policy.js";
import { createIdSealer } from "../sealing/ids.js";
import type { Store } from "../stores/store.js";
import { createHttpUpstream } from "../upstream/http.js";
import { createStdioUpstream } from "../upstream/stdio.js";
import { type Upstream, UpstreamError } from "../upstream/upstream.js";
import type { Installation, InstalledServer } from "./installation.js";
import { readSecrets } from "./secrets.js";

/** One server with everything that the gateway and the pages need of it. */
export interface ComposedServer {
  readonly installed: InstalledServer;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly gateway: GatewayServer;
  readonly upstream: Upstream;
  readonly catalogue: Catalogue;
  describe(): ResourceDescription;
  /** Reads the server's tools into the catalogue. Answers what went wrong, for the person who starts it; never throws. */
  learn(): Promise<string | undefined>;
}

export interface ServerParts {
  readonly installation: Installation;
  readonly issuer: string;
  readonly store: Store;
  readonly system: System;
  readonly keys: KeySet;
  readonly liveness: Liveness;
}

export async function composeServer(installed: InstalledServer, parts: ServerParts): Promise<ComposedServer> {
  const { issuer, store, system } = parts;
  const { name, title, config } = installed;
  const resource = issuer + installed.path;
  const catalogue = await createCatalogue({ server: name, store: store.catalogue, system });
  const scopes = Object.keys(config.scopes ?? DEFAULT_INCLUDES);
  const baseline = config.baseline ?? [config.scopes === undefined ? READ : (scopes[0] ?? READ)];
  const policy: Policy =
    config.scopes === undefined
      ? createDefaultPolicy(catalogue)
      : createScopesPolicy({ scopes: config.scopes, baseline });
  const resourceServer = createResourceServer({
    resource,
    server: name,
    issuers: [{ issuer, keys: parts.keys }],
    policy,
    baseline,
    isLive: parts.liveness.isLive(resource),
    metadata: { resource_name: title, ...config.metadata },
    allowedOrigins: config.allowedOrigins,
    verifySignature: verifySignatureNode,
    sha256: sha256Node,
    system,
  });
  const upstream = createUpstream(installed, parts);
  return {
    installed,
    resource,
    scopes,
    upstream,
    catalogue,
    gateway: {
      resourceServer,
      upstream,
      identifiers: createIdSealer(store.sealer),
      list: config.list,
      observeTools: (tools) => catalogue.observe(tools),
      inputSchemaOf: (tool) => catalogue.inputSchemaOf(tool),
    },
    describe: () =>
      describeResource({
        resource,
        name: title,
        policy,
        catalogue,
        baseline,
        ...(config.scopes && { scopes: config.scopes }),
      }),
    learn: () => learn(upstream, catalogue),
  };
}

async function learn(upstream: Upstream, catalogue: Catalogue): Promise<string | undefined> {
  try {
    const { tools } = await upstream.describe();
    catalogue.observe(tools as readonly JsonObject[]);
    await catalogue.saved();
    return undefined;
  } catch (error) {
    if (error instanceof UpstreamError) return error.message;
    throw error;
  }
}

function createUpstream({ name, title, config }: InstalledServer, { installation, system }: ServerParts): Upstream {
  const { baseFolder } = installation;
  const setting = name === "" ? "" : `servers.${name}.`;
  const [program, ...rest] = config.command ?? [];
  if (program !== undefined) {
    return createStdioUpstream({
      name: title,
      command: [program, ...rest],
      hostEnvironment: process.env,
      env: readSecrets(config.env, baseFolder, `${setting}env`),
      cwd: config.cwd ?? baseFolder,
      shared: config.shared,
      system,
    });
  }
  return createHttpUpstream({
    url: config.upstream ?? "",
    headers: readSecrets(config.headers, baseFolder, `${setting}headers`),
    system,
  });
}
