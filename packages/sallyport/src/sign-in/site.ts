/** Where this installation is reached, worked out once from the configured public URL and never from a request header. */
export interface Site {
  /** `scheme://host[:port]`, the only origin whose posts are taken. */
  readonly origin: string;
  /** Host name without port: the WebAuthn relying party id. */
  readonly hostname: string;
  /** What people see as "where am I": host and port. */
  readonly host: string;
  /** Path of the public URL without a trailing slash; `""` for none. */
  readonly prefix: string;
  /** https. Without it cookies do not know ports, and sessions are short (design §5.12). */
  readonly secure: boolean;
  /** WebAuthn §5.1.3: a domain name and a secure context, that is https or `localhost`. */
  readonly passkeys: boolean;
}

/** @throws TypeError when `publicUrl` is not an http(s) URL without query, fragment and credentials. */
export function createSite(publicUrl: string): Site {
  const url = new URL(publicUrl);
  if (!/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "" || url.username + url.password !== "") {
    throw new TypeError(
      `publicUrl must be an http or https URL without query or fragment: ${JSON.stringify(publicUrl)}`,
    );
  }
  const secure = url.protocol === "https:";
  return {
    origin: url.origin,
    hostname: url.hostname,
    host: url.host,
    prefix: url.pathname.replace(/\/+$/, ""),
    secure,
    passkeys: url.hostname === "localhost" || (secure && !isAddress(url.hostname)),
  };
}

/** The URL parser has normalised every IPv4 spelling to four decimals, and puts IPv6 in brackets. */
function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
}

/**
 * `http://127.0.0.1:4000/sign-in` where the public URL is `http://localhost:4000`: the same listener under a name whose cookies and
 * passkeys would be lost. Returns the right address, or `undefined` when the request is where it belongs. The Host header is only
 * compared; nothing is built from it.
 */
export function elsewhere(site: Site, request: Request): string | undefined {
  const host = request.headers.get("host") ?? "";
  if (site.hostname !== "localhost" || !/^(?:127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(host)) return undefined;
  const url = new URL(request.url);
  return host.replace(/^.*?(?=:\d+$|$)/, "localhost") === site.host
    ? site.origin + url.pathname + url.search
    : undefined;
}
