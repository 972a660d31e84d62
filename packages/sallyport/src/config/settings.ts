import { z } from "zod";
import { ADMIN_SETTINGS } from "./admin-settings.js";
import { CONNECTION_SETTINGS } from "./connection-settings.js";
import { API_SETTING, SERVER_CREDENTIAL_SETTINGS } from "./credential-settings.js";
import { EGRESS_SETTINGS, envSource } from "./egress-settings.js";
import { EXTERNAL_SERVER_SETTING, SIGN_IN_SETTINGS } from "./federation-settings.js";
import { KEY_SETTINGS } from "./key-settings.js";
import { LOG_SETTINGS, SERVER_LOG_SETTINGS } from "./log-settings.js";
import { MACHINE_SETTINGS } from "./machine-settings.js";
import { httpUrl, type Setting, scopeName, sealableSource, seconds } from "./setting.js";
import { TELEMETRY_SETTINGS } from "./telemetry-settings.js";

export type { SecretSource, Setting } from "./setting.js";

const globs = z.array(z.string().min(1)).min(1);
const access = z
  .array(
    z
      .strictObject({
        roles: z.array(z.string().min(1)).min(1).optional(),
        users: z.array(z.string().min(1)).min(1).optional(),
        clients: z.array(z.string().min(1)).min(1).optional(),
        scopes: z.array(scopeName).min(1),
      })
      .refine(
        ({ roles, users, clients }) => (roles ?? users ?? clients) !== undefined,
        "say for whom: `roles`, `users` or `clients`",
      ),
  )
  .min(1);

const scopes = z.record(
  scopeName,
  z.strictObject({
    title: z.string().min(1).optional(),
    includes: z.array(scopeName).optional(),
    allow: globs.optional(),
  }),
);

const hostName = z
  .string()
  .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]+$/, "a host name in lower case, without port and path");

const oneOrMoreGlobs = z.union([z.string().min(1), globs]);
const rules = z.array(
  z
    .strictObject({
      deny: oneOrMoreGlobs.optional(),
      allow: oneOrMoreGlobs.optional(),
      when: z.string().min(1).max(10_000).optional(),
      because: z.string().min(1).max(500).optional(),
      mode: z.enum(["enforce", "record"]).optional(),
    })
    .refine(
      ({ deny, allow }) => (deny === undefined) !== (allow === undefined),
      "give exactly one of `deny` and `allow`",
    ),
);

/**
 * Every setting of `sallyport.yaml`, one row each. Parsing, the JSON Schema, `docs/settings.md` and the environment variables are all
 * made from these rows, so that none of them can know a setting that the others lack.
 */
export const SETTINGS: readonly Setting[] = [
  {
    path: "publicUrl",
    type: httpUrl,
    env: "SALLYPORT_PUBLIC_URL",
    description:
      "The URL under which clients reach this installation, without a trailing slash; a path is allowed. Issuer and resource identifiers are made from it and from nothing else. Default: `http://localhost:<port>`.",
  },
  {
    path: "listen.port",
    type: z.number().int().min(0).max(65_535),
    default: 4000,
    env: "SALLYPORT_PORT",
    description: "TCP port; 0 takes a free one.",
  },
  {
    path: "listen.host",
    type: z.string().min(1),
    default: "loopback",
    env: "SALLYPORT_HOST",
    description:
      "`loopback` and `localhost` bind 127.0.0.1 and [::1]; any other value is an address to bind. Beyond loopback (that is: any but these, `127.0.0.1` and `::1`) an https `publicUrl` is required.",
  },
  {
    path: "listen.tls.cert",
    type: z.string().min(1),
    description: "File with the certificate chain (PEM) for own TLS. Needs `listen.tls.key`.",
  },
  { path: "listen.tls.key", type: z.string().min(1), description: "File with the private key (PEM)." },
  {
    path: "trustedProxies",
    type: z.array(z.string().min(1)),
    default: [],
    description:
      "Addresses or CIDR ranges of proxies whose `X-Forwarded-For` is believed, for quotas and logs only. Nothing else is ever read from forwarding headers.",
  },
  {
    path: "storage",
    type: z.string().min(1),
    default: "sqlite:./sallyport.db",
    env: "SALLYPORT_STORAGE",
    description:
      "`sqlite:<file>`, relative to the configuration file, or `postgres://user:password@host:port/database` for several processes, with `?sslmode=verify-full` where a network lies between. What is stored, and how: [storage.md](storage.md).",
  },
  {
    path: "masterKey",
    type: z.union([
      z.strictObject({ file: z.string().min(1) }),
      z.strictObject({ env: z.string().min(1) }),
      z.strictObject({ command: z.tuple([z.string().min(1)], z.string()) }),
    ]),
    default: { file: "./sallyport.key" },
    description:
      "Where the 256-bit key lies under which secrets in the store are sealed: a file with mode 0600 (made for a new database), an environment variable with base64, or what a `command` (a list: program and arguments) prints at the start, for a key management service. See [storage.md](storage.md#where-the-master-key-lies).",
  },
  ...ADMIN_SETTINGS,
  ...SIGN_IN_SETTINGS,
  {
    path: "registration.dynamic",
    type: z.boolean(),
    default: true,
    description: "RFC 7591 dynamic client registration. When off, no `registration_endpoint` is served or advertised.",
  },
  {
    path: "registration.documents",
    type: z.union([
      z.enum(["open", "off"]),
      z.strictObject({ hosts: z.array(hostName).min(1) }),
      z.strictObject({ report: z.array(hostName) }),
    ]),
    default: "open",
    description:
      "Client ID metadata documents: `open`, `off`, `{ hosts: […] }` to admit only documents from these hosts, or `{ report: […] }` to admit all and record those that such a list would refuse (`sallyport client list` shows them). All but `off` are refused while `HTTPS_PROXY` is set: what a proxy connects to cannot be checked.",
  },
  {
    path: "registration.perHour",
    type: z.number().int().min(1).max(10_000),
    default: 20,
    description: "Registrations per address and hour.",
  },
  ...MACHINE_SETTINGS,
  API_SETTING,
  ...CONNECTION_SETTINGS,
  ...EGRESS_SETTINGS,
  {
    path: "lifetimes.accessToken",
    type: seconds(3600),
    default: 600,
    description: "Seconds an access token lives; at most 3600.",
  },
  {
    path: "lifetimes.sessionIdle",
    type: seconds(31_536_000),
    default: 2_592_000,
    description: "Seconds after which a session ends that was not refreshed; default 30 days.",
  },
  {
    path: "lifetimes.session",
    type: seconds(63_072_000),
    default: 15_552_000,
    description: "Seconds after which a session ends in any case; default 180 days.",
  },
  {
    path: "lifetimes.refreshGrace",
    type: seconds(300),
    default: 30,
    description: "Seconds in which a refresh token that was just rotated yields the same successor again.",
  },
  ...KEY_SETTINGS,
  {
    path: "log.level",
    type: z.enum(["debug", "info", "warn", "error"]),
    default: "info",
    env: "SALLYPORT_LOG_LEVEL",
    description: "Least level that is logged, as JSON lines on standard error.",
  },
  ...LOG_SETTINGS,
  ...TELEMETRY_SETTINGS,
  {
    path: "operators.users",
    type: z.array(z.string().min(1)),
    default: [],
    description:
      "Who may ask on `/explain` about everybody, and sees rules with their conditions and lines there: user names, or `<issuer>|<subject>` of people who sign in elsewhere. Under `protect` it is the owner.",
  },
  {
    path: "operators.roles",
    type: z.array(z.string().min(1)),
    default: [],
    description: "The same by role. Roles count here as they do for `access`.",
  },
  {
    path: "rules",
    type: rules,
    default: [],
    description: "Rules of all servers, in the form of `servers.*.rules`.",
  },
  {
    path: "servers.*.upstream",
    type: httpUrl,
    description: "URL of a Streamable HTTP server. Exactly one of `upstream` and `command`.",
  },
  {
    path: "servers.*.command",
    type: z.array(z.string()).min(1),
    description: "Command and arguments of a stdio server; no shell is involved.",
  },
  {
    path: "servers.*.env",
    type: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), envSource),
    default: {},
    description:
      "Environment of a stdio server besides PATH, HOME, LANG, LC_*, TZ and TMPDIR. A value, `{ env: NAME }`, `{ file: path }`, `{ secret: <name> }` (stored by `sallyport secret set`), `{ connect: <connection> }` (the caller's own token there) or `{ proxy: <egress> }` (an address that leads to the one place of an `egress`, without the credential). Children are started anew when a value changes.",
  },
  {
    path: "servers.*.cwd",
    type: z.string().min(1),
    description: "Working directory of a stdio server; default: the directory of the configuration file.",
  },
  {
    path: "servers.*.shared",
    type: z.boolean(),
    default: false,
    description: "One stdio child for all principals. Only for servers that keep nothing per caller.",
  },
  {
    path: "servers.*.headers",
    type: z.record(z.string().min(1), sealableSource),
    default: {},
    description:
      "Headers that every request to an `upstream` carries, for example a credential of the gateway's own: each a text, `{ env }`, `{ file }` or `{ secret }`.",
  },
  ...SERVER_CREDENTIAL_SETTINGS,
  EXTERNAL_SERVER_SETTING,
  {
    path: "servers.*.access",
    type: access,
    description:
      "Who may be granted what: a list of `{ roles | users | clients, scopes }`, `clients` for what they do for themselves. `serve` does not start without it.",
  },
  {
    path: "servers.*.scopes",
    type: scopes,
    description:
      "Scope → `{ title, includes, allow }`, where `allow` lists globs over `tools/…`, `prompts/…` and `resources/…` (`*` does not cross `/`). With this section only what it maps exists. Without it there are `mcp:read` and `mcp:write`.",
  },
  {
    path: "servers.*.rules",
    type: rules,
    default: [],
    description:
      "Rules of this server: `{ deny | allow, when, because, mode }`. `deny` and `allow` hold a glob or a list of globs as in `scopes`, or over `requests/…` (what servers ask of clients); `when` is a CEL condition; `because` is told to the caller; `mode: record` tries a rule without applying it; `enforce`, the default, applies it, also on a server in record mode. Deny wins; where an `allow` names something, one of them has to hold. See [policy](policy.md).",
  },
  {
    path: "servers.*.mode",
    type: z.enum(["enforce", "record"]),
    default: "enforce",
    description:
      "`record`: no rule changes an answer on this server; what rules would have refused is logged. Scopes and entitlements hold as ever.",
  },
  {
    path: "servers.*.tools.changed",
    type: z.enum(["write", "quarantine"]),
    default: "write",
    description:
      "What becomes of a tool whose definition differs from the one first seen or accepted: without `scopes` it needs `mcp:write`, or in any case it is neither listed nor callable, until `sallyport tools accept`.",
  },
  {
    path: "servers.*.tools.new",
    type: z.enum(["annotate", "quarantine"]),
    default: "annotate",
    description:
      "What becomes of a tool that was never accepted: it counts by its annotations and by `scopes`, or it is neither listed nor callable until `sallyport tools accept`.",
  },
  ...SERVER_LOG_SETTINGS,
  {
    path: "servers.*.denials",
    type: z.enum(["status", "result"]),
    default: "status",
    description:
      "How a tool call is answered that a rule denies: `status` is 403 with a JSON-RPC error; `result` is 200 with a tool result that has `isError: true`, so that a model can read `because`.",
  },
  {
    path: "servers.*.baseline",
    type: z.array(scopeName).min(1),
    description:
      "Scopes of the first challenge and of the protected resource metadata; default `mcp:read`, or the first scope of `scopes`.",
  },
  {
    path: "servers.*.list",
    type: z.enum(["reachable", "granted"]),
    default: "reachable",
    description: "What lists show: everything that a step-up can reach, or only what is granted now.",
  },
  {
    path: "servers.*.metadata",
    type: z.record(z.string(), z.unknown()),
    default: {},
    description:
      "Further members of the protected resource metadata (RFC 9728 §2), for example `resource_documentation`.",
  },
  {
    path: "servers.*.allowedOrigins",
    type: z.array(z.string().min(1)),
    default: [],
    description: "Origins of web pages that may call this server from a browser.",
  },
];
