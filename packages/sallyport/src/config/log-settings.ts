import { z } from "zod";
import { type SecretSource, type Setting, secretSource } from "./setting.js";

/** `log` besides its level: the decision log. */
export interface DecisionLogConfig {
  readonly folder?: string;
  readonly retention?: number;
  readonly dangerouslyForwardWithoutLog: boolean;
  readonly export: readonly {
    readonly to: string;
    readonly format: "jsonl" | "ocsf" | "cef";
    readonly headers?: Readonly<Record<string, SecretSource>>;
    readonly ca?: string;
  }[];
}

/** `servers.*.log`. */
export interface ServerLogConfig {
  readonly arguments: "none" | "redacted" | "full";
  readonly redact: readonly string[];
  readonly before: "all" | "writes" | "none";
}

export const LOG_SETTINGS: readonly Setting[] = [
  {
    path: "log.folder",
    type: z.string().min(1),
    env: "SALLYPORT_LOG_FOLDER",
    description:
      "Folder of the decision log, relative to the configuration file; default: `decisions` beside the store. See [decision log](decision-log.md).",
  },
  {
    path: "log.retention",
    type: z.number().int().min(2).max(36_500),
    description:
      "Days after which whole segments of the decision log are removed, leaving a signed tombstone; at least 2. Without it nothing is removed.",
  },
  {
    path: "log.export",
    type: z.array(
      z.strictObject({
        to: z.string().min(1),
        format: z.enum(["jsonl", "ocsf", "cef"]).default("jsonl"),
        headers: z.record(z.string().min(1), secretSource).optional(),
        ca: z.string().min(1).optional(),
      }),
    ),
    default: [],
    description:
      "Where decisions are sent besides, while the program runs: a list of `{ to, format, headers, ca }`. `to` is a file, `syslog://host`, `syslog+tcp://host`, `syslog+tls://host`, `otlp+http://host` or `otlp+https://host`; `format` is `jsonl`, `ocsf` or `cef`; `headers` are for OTLP; `ca` is a file with the certificates (PEM) of the only authorities that may vouch for a receiver over TLS, read at the start, instead of those that Node knows. Calls never wait for it.",
  },
  {
    path: "log.dangerouslyForwardWithoutLog",
    type: z.boolean(),
    default: false,
    description:
      "Let calls through whose decision cannot be recorded, instead of refusing them with 503. The log says later how many there were.",
  },
];

export const SERVER_LOG_SETTINGS: readonly Setting[] = [
  {
    path: "servers.*.log.arguments",
    type: z.enum(["none", "redacted", "full"]),
    default: "none",
    description:
      "What of the arguments of calls is kept beside the decision log, where it can be erased: nothing, what redaction leaves, or everything.",
  },
  {
    path: "servers.*.log.redact",
    type: z.array(z.string().min(1)),
    default: [],
    description:
      "Members taken out where `arguments` is `redacted`, as dotted paths in which `*` is any one member. Members that are named like secrets, and texts that look like credentials, are taken out in any case.",
  },
  {
    path: "servers.*.log.before",
    type: z.enum(["all", "writes", "none"]),
    default: "writes",
    description:
      "Which calls wait until their record is durable: `writes` are all tool calls that `mcp:read` does not permit. Of the others at most 50 ms are lost in a crash.",
  },
];
