/** What the origin check says of one request. */
export type OriginVerdict = "ok" | "foreign_origin" | "foreign_host";

export interface OriginPolicy {
  /**
   * against DNS rebinding, and against pages that nobody invited. No `Origin` is fine: then no browser script asks.
   * @param host `Host` as received; `undefined` where the runtime has none, which is refused.
   */
  judge(origin: string | undefined, host: string | undefined): OriginVerdict;
  isAllowedOrigin(origin: string): boolean;
}

export interface OriginPolicyOptions {
  readonly resource: string;
  readonly allowedOrigins?: readonly string[];
  readonly allowedHosts?: readonly string[];
}

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Allowed are the resource's own origin and host and the listed ones. A resource on loopback also answers to every loopback name of its
 * port, and to pages on loopback at any port: those are local programs, and a rebound name is never one of them.
 * @throws TypeError for a listed origin that is not `scheme://host[:port]`.
 */
export function createOriginPolicy(options: OriginPolicyOptions): OriginPolicy {
  const own = new URL(options.resource);
  const loopback = LOOPBACK_HOSTS.has(own.hostname);
  const origins = new Set([own.origin, ...(options.allowedOrigins ?? []).map(parseOrigin)]);
  const hosts = new Set([own.host, ...(options.allowedHosts ?? []).map((host) => host.toLowerCase())]);
  // RFC 9110 §7.2: a default port may be spelled out.
  if (own.port === "") hosts.add(`${own.host}:${own.protocol === "https:" ? "443" : "80"}`);
  if (loopback) for (const name of LOOPBACK_HOSTS) hosts.add(own.port === "" ? name : `${name}:${own.port}`);
  const isAllowedOrigin = (origin: string): boolean => origins.has(origin) || (loopback && isLoopbackOrigin(origin));
  return {
    isAllowedOrigin,
    judge: (origin, host) => {
      if (host === undefined || !(hosts.has(host) || hosts.has(host.toLowerCase()))) return "foreign_host";
      return origin === undefined || isAllowedOrigin(origin) ? "ok" : "foreign_origin";
    },
  };
}

/** A page's origin, as browsers send it: serialised exactly (RFC 6454 §6.2). `null` is nobody's. */
function isLoopbackOrigin(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  return url.origin === origin && url.protocol === "http:" && LOOPBACK_HOSTS.has(url.hostname);
}

function parseOrigin(value: string): string {
  if (!URL.canParse(value) || new URL(value).origin !== value.toLowerCase()) {
    throw new TypeError(`allowedOrigins: ${JSON.stringify(value)} is not scheme://host[:port].`);
  }
  return value.toLowerCase();
}
