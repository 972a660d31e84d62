import type { Problem } from "./problem.js";
import type { Config } from "./schema.js";

/** Host names of URLs. */
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);
/** What may be bound, with the word for all of them. */
const LOOPBACK_ADDRESSES: ReadonlySet<string> = new Set(["loopback", "localhost", "127.0.0.1", "::1"]);

/** Whether who listens at `host` is reached from this machine alone. */
export function isLoopbackAddress(host: string): boolean {
  return LOOPBACK_ADDRESSES.has(host);
}

/** What is bound for `host`. No resolver is asked what `localhost` is: one that says something else would take this beyond the machine. */
export function addressesOf(host: string): readonly string[] {
  return host === "loopback" || host === "localhost" ? ["127.0.0.1", "::1"] : [host];
}

/**
 * May this listen as configured?: plain http stays on this machine. Beyond it the public URL is https, and somebody ends
 * that TLS: this process with its own certificate, or a proxy that is named.
 */
export function checkExposure(config: Config): readonly Problem[] {
  const problems: Problem[] = [];
  const url = config.publicUrl === undefined ? undefined : new URL(config.publicUrl);
  const loopbackUrl = url === undefined || LOOPBACK_HOSTS.has(url.hostname);
  const https = url?.protocol === "https:";
  const ownTls = config.listen.tls.cert !== undefined;
  if (!https && !loopbackUrl) {
    problems.push({
      path: ["publicUrl"],
      message: "tokens would cross the network in the clear: use https, for example behind a proxy that ends TLS",
    });
  }
  const beyond = !isLoopbackAddress(config.listen.host);
  if (beyond && !https) {
    const message = "listening beyond loopback needs an https `publicUrl`; for this machine alone write `loopback`";
    problems.push({ path: ["listen", "host"], message });
  }
  if (beyond && https && !ownTls && config.trustedProxies.length === 0) {
    problems.push({
      path: ["listen", "host"],
      message:
        "nobody ends TLS: give `listen.tls.cert` and `listen.tls.key`, or name the proxy in front in `trustedProxies`",
    });
  }
  if (ownTls && url !== undefined && !https) {
    problems.push({ path: ["publicUrl"], message: "own TLS needs an https `publicUrl`" });
  }
  return problems;
}
