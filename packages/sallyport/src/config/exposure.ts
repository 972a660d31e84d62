import type { Problem } from "./problem.js";
import type { Config } from "./schema.js";

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

function isLoopbackHost(hostname: string): boolean {
  return LOOPBACK_HOSTS.has(hostname);
}

/**
 * May this listen as configured?: plain http stays on this machine. Beyond it the public URL is https, and somebody ends
 * that TLS: this process with its own certificate, or a proxy that is named.
 */
export function checkExposure(config: Config): readonly Problem[] {
  const problems: Problem[] = [];
  const url = config.publicUrl === undefined ? undefined : new URL(config.publicUrl);
  const loopbackUrl = url === undefined || isLoopbackHost(url.hostname);
  const https = url?.protocol === "https:";
  const ownTls = config.listen.tls.cert !== undefined;
  if (!https && !loopbackUrl) {
    problems.push({
      path: ["publicUrl"],
      message: "tokens would cross the network in the clear: use https, for example behind a proxy that ends TLS",
    });
  }
  if (config.listen.host !== "loopback" && !https) {
    problems.push({ path: ["listen", "host"], message: "listening beyond loopback needs an https `publicUrl`" });
  }
  if (config.listen.host !== "loopback" && https && !ownTls && config.trustedProxies.length === 0) {
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
