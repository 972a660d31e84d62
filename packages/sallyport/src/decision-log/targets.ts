import { X509Certificate } from "node:crypto";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { type FileHandle, open } from "node:fs/promises";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { formatOtlp } from "./otlp.js";
import type { ReadRecord } from "./read.js";
import { formatSyslog, frameOctets } from "./syslog.js";

export interface ExportedLine {
  readonly record: ReadRecord;
  readonly text: string;
}

/** Where exported lines go. */
export interface ExportTarget {
  /** Resolves when the receiver has them, as far as it says so. Rejects when it may not: then all of them are sent again. */
  send(lines: readonly ExportedLine[]): Promise<void>;
  close(): Promise<void>;
}

export interface TargetOptions {
  readonly version: string;
  readonly host: string;
  readonly pid: number;
  /** For OTLP: further headers, for example a token of the receiver. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For TLS: certificates (PEM) of the only authorities that may vouch for the receiver; without it, those that Node knows. */
  readonly ca?: string;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
/** The largest payload of UDP over IPv4. */
const MAX_DATAGRAM = 65_507;
/** More than any answer of a collector that says something. */
const MAX_ANSWER = 64 * 1024;

type Create = (url: URL, options: TargetOptions) => ExportTarget;

const TARGETS: Readonly<Record<string, Create>> = {
  "syslog:": syslogUdp,
  "syslog+udp:": syslogUdp,
  "syslog+tcp:": (url, options) =>
    syslogStream(url, options, () => connect({ host: hostOf(url), port: portOf(url, 601) })),
  "syslog+tls:": (url, options) =>
    syslogStream(url, options, () => {
      const host = hostOf(url);
      const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
      return connectTls({ host, port: portOf(url, 6514), ...servername, ...trusting(options) });
    }),
  "otlp+http:": otlp,
  "otlp+https:": otlp,
};

export const TARGET_FORMS =
  "a file, syslog://host[:514] (UDP), syslog+tcp://, syslog+tls://, otlp+http:// or otlp+https://";

const TLS = ["syslog+tls:", "otlp+https:"];

/** `to` names a file, or one of the forms above. @throws TypeError for anything else, and for a `ca` that is none or has nothing to vouch for. */
export function createTarget(to: string, options: TargetOptions): ExportTarget {
  if (options.ca !== undefined) checkAuthorities(to, options.ca);
  if (!/^[a-z][a-z0-9+.-]*:/i.test(to)) return fileTarget(to);
  const url = URL.canParse(to) ? new URL(to) : undefined;
  const create = url === undefined ? undefined : TARGETS[url.protocol];
  if (url === undefined || create === undefined) throw new TypeError(`${JSON.stringify(to)} is not ${TARGET_FORMS}`);
  if (url.hostname === "") throw new TypeError(`${JSON.stringify(to)} names no host`);
  if (url.username !== "" || url.password !== "") throw new TypeError("a target holds no user and no password");
  return create(url, options);
}

/** OpenSSL passes over what it cannot read, and would then trust nobody. */
function checkAuthorities(to: string, ca: string): void {
  if (!TLS.some((scheme) => to.toLowerCase().startsWith(scheme)))
    throw new TypeError("ca: only syslog+tls:// and otlp+https:// speak TLS");
  const certificates = ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) throw new TypeError("ca: there is no certificate (PEM) in it");
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch {
    throw new TypeError("ca: a certificate in it cannot be read");
  }
}

const trusting = ({ ca }: TargetOptions) => (ca === undefined ? {} : { ca });

const hostOf = ({ hostname }: URL) => hostname.replace(/^\[|\]$/g, "");
const portOf = ({ port }: URL, fallback: number) => (port === "" ? fallback : Number(port));

function fileTarget(path: string): ExportTarget {
  let file: Promise<FileHandle> | undefined;
  return {
    async send(lines) {
      // What could not be opened is opened anew by the next send, and is nothing to close.
      file ??= open(path, "a", 0o600).catch((error: unknown) => {
        file = undefined;
        throw error;
      });
      const handle = await file;
      await handle.appendFile(lines.map(({ text }) => `${text}\n`).join(""));
      await handle.datasync();
    },
    close: async () => (await file)?.close(),
  };
}

/** Nothing says that a datagram arrived. One that is too long for any is refused before it is cut. */
function syslogUdp(url: URL, options: TargetOptions): ExportTarget {
  const host = hostOf(url);
  let socket: UdpSocket | undefined;
  return {
    async send(lines) {
      socket ??= createSocket(host.includes(":") ? "udp6" : "udp4").on("error", () => {});
      for (const { record, text } of lines) {
        const bytes = Buffer.from(formatSyslog(record, text, options), "utf8");
        if (bytes.length > MAX_DATAGRAM) throw new Error(`record ${record.writer}:${record.seq} is too long for UDP`);
        await new Promise<void>((resolve, reject) => {
          socket?.send(bytes, portOf(url, 514), host, (error) => (error === null ? resolve() : reject(error)));
        });
      }
    },
    close: async () => void socket?.close(),
  };
}

function syslogStream(_url: URL, options: TargetOptions, dial: () => Socket): ExportTarget {
  const { timeoutMs = TIMEOUT_MS } = options;
  let socket: Socket | undefined;
  return {
    async send(lines) {
      const bytes = Buffer.concat(lines.map(({ record, text }) => frameOctets(formatSyslog(record, text, options))));
      if (socket === undefined || socket.destroyed || !socket.writable) socket = dial();
      const one = socket;
      await new Promise<void>((resolve, reject) => {
        const fail = (error: Error) => {
          one.destroy();
          reject(error);
        };
        const ended = () => fail(new Error("the receiver closed the connection"));
        one.setTimeout(timeoutMs, () => fail(new Error("the receiver takes nothing")));
        one.once("error", fail).once("close", ended);
        one.write(bytes, (error) => {
          one.setTimeout(0);
          one.off("error", fail).off("close", ended);
          one.on("error", () => {});
          if (error == null) resolve();
          else reject(error);
        });
      });
    },
    close: () =>
      new Promise((resolve) => {
        if (socket === undefined || socket.destroyed) resolve();
        else socket.end(() => resolve());
      }),
  };
}

function otlp(url: URL, options: TargetOptions): ExportTarget {
  const address = new URL(url.href.replace(/^otlp\+/, ""));
  if (address.pathname === "/") address.pathname = "/v1/logs";
  return {
    async send(lines) {
      const { status, text } = await post(address, formatOtlp(lines, options), options);
      if (status < 200 || status > 299) throw new Error(`the receiver answered ${status}`);
      const rejected = rejectedIn(text);
      if (rejected > 0) throw new Error(`the receiver rejected ${rejected} records`);
    },
    close: async () => {},
  };
}

/** Not `fetch`, which can be told of no authority; a redirect is an answer like any other here. */
function post(address: URL, body: string, options: TargetOptions): Promise<{ readonly status: number; text: string }> {
  const { timeoutMs = TIMEOUT_MS, headers = {} } = options;
  const request = address.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const about = {
      ...{ method: "POST", signal: AbortSignal.timeout(timeoutMs), ...trusting(options) },
      headers: { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(body) },
    };
    const sent = request(address, about, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        if (text.length < MAX_ANSWER) text += part;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.on("error", reject);
    });
    sent.on("error", reject).end(body);
  });
}

/** OTLP/HTTP: a partial success says how many it did not take. An empty answer is a full success. */
function rejectedIn(text: string): number {
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: { rejectedLogRecords?: string | number } };
    return Number(partialSuccess?.rejectedLogRecords ?? 0);
  } catch {
    return 0;
  }
}
