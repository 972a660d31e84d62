import { existsSync } from "node:fs";
import type { JsonObject, System } from "@sallyport/auth";
import { type Catalogue, createCatalogue } from "../policy/catalogue.js";
import type { CatalogueStore } from "../policy/catalogue-store.js";
import { READ, WRITE } from "../policy/default-scopes.js";
import { createServerPolicy, type ServerPolicy } from "../policy/server-policy.js";
import { createCatalogueStore } from "../stores/catalogue.js";
import { openBackend } from "../stores/open-backend.js";
import { CliError } from "./exit.js";
import { explainFailure } from "./failure-text.js";
import { databaseFileOf, type Installation, type InstalledServer } from "./installation.js";
import { loadInstallation } from "./load-installation.js";
import { readText } from "./read-text.js";

export interface PolicyOptions {
  readonly config: string;
  /** Needed where the file has several. */
  readonly server?: string | undefined;
  /** JSON file: a list of tools, or an answer to `tools/list`. */
  readonly catalogue?: string | undefined;
  /** The tool in question is annotated as reading only. */
  readonly readOnly?: boolean;
}

/** The policy of one server of a file, as it would be decided by now, without serving it. */
export interface PolicySource {
  readonly server: InstalledServer;
  readonly policy: ServerPolicy;
  /** What is known of its tools, by name. */
  readonly tools: readonly string[];
  /** Nothing is known of its tools, so that each counts as one that says nothing of itself. */
  readonly assumed: boolean;
}

/** @throws ConfigError or CliError. */
export async function loadPolicy(options: PolicyOptions, system: System): Promise<PolicySource> {
  const installation = loadInstallation(options.config, { accessOptional: true });
  const server = pickServer(installation, options.server);
  const known = await knownTools(options, { installation, server, system });
  const fallback = options.readOnly === true ? READ : WRITE;
  const assumed = known === undefined || options.readOnly === true;
  const tools = assumed ? { scopeOf: () => fallback } : known;
  return {
    server,
    policy: createServerPolicy(installation.config, server, tools),
    tools: known?.entries().map(({ tool }) => tool) ?? [],
    assumed: assumed && server.config.scopes === undefined,
  };
}

function pickServer({ servers }: Installation, name: string | undefined): InstalledServer {
  const [only, second] = servers;
  if (name === undefined && only !== undefined && second === undefined) return only;
  const found = servers.find((server) => server.name === name);
  if (found !== undefined) return found;
  const names = servers.map((server) => server.name).join(", ");
  throw new CliError(
    name === undefined
      ? `say which server with --server: ${names}`
      : `no server ${JSON.stringify(name)}; there are ${names}`,
  );
}

interface Place {
  readonly installation: Installation;
  readonly server: InstalledServer;
  readonly system: System;
}

/** Tools as frozen: of the file given, else of the store if there is one; `undefined` = nothing is known. */
async function knownTools(options: PolicyOptions, place: Place): Promise<Catalogue | undefined> {
  const { installation, server, system } = place;
  if (options.catalogue !== undefined) {
    const catalogue = await createCatalogue({ server: server.name, store: NO_STORE, system });
    catalogue.observe(readTools(options.catalogue));
    return catalogue;
  }
  const file = databaseFileOf(installation);
  // Asking must not make a store or change one, and takes no master key: a file that is under review must not start `masterKey.command`.
  if (file === undefined || !existsSync(file)) return undefined;
  try {
    const backend = await openBackend({ url: installation.storage, system });
    try {
      const store = createCatalogueStore(backend, system);
      const catalogue = await createCatalogue({ server: server.name, store, system, handling: server.config.tools });
      return catalogue.entries().length === 0 ? undefined : catalogue;
    } finally {
      await backend.close();
    }
  } catch (error) {
    const why = explainFailure(error);
    throw new CliError(
      `the tools of ${JSON.stringify(server.name)} as the store has them (or give --catalogue): ${why}`,
    );
  }
}

const NO_STORE: CatalogueStore = {
  load: async () => [],
  freeze: async () => {},
  observe: async () => {},
  accept: async () => {},
};

/** @throws CliError. */
function readTools(file: string): readonly JsonObject[] {
  const text = readText(file, `--catalogue ${file}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError(`--catalogue ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const found = [value, memberOf(value, "tools"), memberOf(memberOf(value, "result"), "tools")].find(Array.isArray);
  if (found === undefined) throw new CliError(`--catalogue ${file}: no list of tools`);
  return found;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
