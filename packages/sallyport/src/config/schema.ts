import { z } from "zod";
import type { AdminConfig } from "./admin-settings.js";
import type { ConnectionConfig } from "./connection-settings.js";
import type { ApiConfig, CredentialConfig } from "./credential-settings.js";
import type { EgressConfig, EnvSource } from "./egress-settings.js";
import type { ExternalServerConfig, OidcConfig } from "./federation-settings.js";
import type { KeyConfig } from "./key-settings.js";
import type { DecisionLogConfig, ServerLogConfig } from "./log-settings.js";
import type { ClientConfig, TrustedIssuerConfig } from "./machine-settings.js";
import type { OneOrMore } from "./setting.js";
import type { SecretSource, Setting } from "./settings.js";
import { SETTINGS } from "./settings.js";
import type { MetricsConfig } from "./telemetry-settings.js";

/** Where the master key comes from; a command prints it. */
export type MasterKeyConfig =
  | { readonly file: string }
  | { readonly env: string }
  | { readonly command: readonly [string, ...string[]] };

/** The shape of a checked configuration. Kept beside the table by `schema.test.ts`, which compares the two. */
export interface Config {
  readonly publicUrl?: string;
  readonly listen: {
    readonly port: number;
    readonly host: string;
    readonly tls: { readonly cert?: string; readonly key?: string };
  };
  readonly trustedProxies: readonly string[];
  readonly storage: string;
  readonly masterKey: MasterKeyConfig;
  readonly admin: AdminConfig;
  readonly signIn: { readonly oidc: OidcConfig };
  readonly registration: {
    readonly dynamic: boolean;
    readonly documents: "open" | "off" | { readonly hosts: readonly string[] } | { readonly report: readonly string[] };
    readonly perHour: number;
  };
  readonly clients: Readonly<Record<string, ClientConfig>>;
  readonly apis: Readonly<Record<string, ApiConfig>>;
  readonly trustedIssuers: Readonly<Record<string, TrustedIssuerConfig>>;
  readonly connections: Readonly<Record<string, ConnectionConfig>>;
  readonly egress: Readonly<Record<string, EgressConfig>>;
  readonly lifetimes: {
    readonly accessToken: number;
    readonly sessionIdle: number;
    readonly session: number;
    readonly refreshGrace: number;
  };
  readonly keys: KeyConfig;
  readonly metrics: MetricsConfig;
  readonly log: DecisionLogConfig & { readonly level: "debug" | "info" | "warn" | "error" };
  readonly servers: Readonly<Record<string, ServerConfig>>;
  readonly operators: { readonly users: readonly string[]; readonly roles: readonly string[] };
  readonly rules: readonly RuleConfig[];
  /** Where it was read from; absent for one that no file holds. */
  readonly source?: ConfigSource;
}

/** For messages and ids that name a place in the file. */
export interface ConfigSource {
  /** Without folders. */
  readonly file: string;
  lineOf(path: readonly (string | number)[]): number | undefined;
}

export interface ServerConfig {
  readonly upstream?: string;
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, EnvSource>>;
  readonly cwd?: string;
  readonly shared: boolean;
  readonly headers: Readonly<Record<string, SecretSource>>;
  readonly credential?: CredentialConfig;
  readonly credentials?: readonly (CredentialConfig & { readonly for: OneOrMore; readonly none?: true })[];
  readonly authorizationServers?: readonly ExternalServerConfig[];
  readonly access?: readonly AccessConfig[];
  readonly scopes?: Readonly<Record<string, ScopeConfig>>;
  readonly rules: readonly RuleConfig[];
  readonly mode: "enforce" | "record";
  readonly log: ServerLogConfig;
  readonly tools: { readonly changed: "write" | "quarantine"; readonly new: "annotate" | "quarantine" };
  readonly denials: "status" | "result";
  readonly baseline?: readonly string[];
  readonly list: "reachable" | "granted";
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly allowedOrigins: readonly string[];
}

export interface AccessConfig {
  readonly roles?: readonly string[];
  readonly users?: readonly string[];
  /** Clients of the configuration, for themselves. */
  readonly clients?: readonly string[];
  readonly scopes: readonly string[];
}

export interface ScopeConfig {
  readonly title?: string;
  readonly includes?: readonly string[];
  readonly allow?: readonly string[];
}

/** One rule: exactly one of `deny` and `allow`. */
export interface RuleConfig {
  readonly deny?: string | readonly string[];
  readonly allow?: string | readonly string[];
  /** CEL; absent: always. */
  readonly when?: string;
  readonly because?: string;
  /** Absent: that of the server. */
  readonly mode?: "enforce" | "record";
}

/** Names that users choose: they stand in URLs and in file paths. */
export const NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

interface Branch {
  readonly children: Map<string, Branch>;
  row?: Setting;
}

function grow(rows: readonly Setting[]): Branch {
  const root: Branch = { children: new Map() };
  for (const row of rows) {
    let branch = root;
    for (const part of row.path.split(".")) {
      const next = branch.children.get(part) ?? { children: new Map() };
      branch.children.set(part, next);
      branch = next;
    }
    branch.row = row;
  }
  return root;
}

function leafType(row: Setting): z.ZodType {
  const described = row.type.describe(row.description);
  if (row.default !== undefined) return described.prefault(row.default as never);
  return row.required ? described : described.optional();
}

function branchType(branch: Branch): z.ZodType {
  if (branch.row !== undefined) return leafType(branch.row);
  const named = branch.children.get("*");
  if (named !== undefined) {
    const value = named.row === undefined ? branchType(named) : named.row.type;
    return z.record(z.string(), value).prefault({});
  }
  const shape = Object.fromEntries([...branch.children].map(([name, child]) => [name, branchType(child)]));
  return z.strictObject(shape).prefault({});
}

/** The whole file as one zod type, assembled from {@link SETTINGS}. */
export const configType = branchType(grow(SETTINGS)) as z.ZodType<Config>;

/** JSON Schema (2020-12) of `sallyport.yaml`, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    $id: "urn:sallyport:config",
    title: "sallyport.yaml",
    ...z.toJSONSchema(configType, { io: "input" }),
  };
}
