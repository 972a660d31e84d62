import type { System } from "@sallyport/auth";
import type { EgressConfig, EnvSource } from "../config/egress-settings.js";
import type { SealableSource } from "../config/setting.js";
import type { UserCredentialSource } from "../upstream/credentials/user-credentials.js";
import { Egress } from "../upstream/egress/egress.js";
import { createEgressRoute, type EgressRoute } from "../upstream/egress/route.js";
import { createProvisions, type Provisions } from "../upstream/provisions.js";
import { UpstreamError } from "../upstream/upstream.js";
import type { Installation, InstalledServer } from "./installation.js";
import { isSealed, type SealedSecrets } from "./sealed-secrets.js";
import { readSecret } from "./secrets.js";

interface Parts {
  readonly installation: Installation;
  readonly system: System;
  /** What people have connected; absent where nothing is configured, and for commands that only read what a server offers. */
  readonly vault: UserCredentialSource | undefined;
  readonly secrets: SealedSecrets;
}

/** Milliseconds for which a secret that was read from a file is used without a look at the file. */
const HELD_MS = 1_000;

/** `env` of one stdio server. @throws CliError for a secret that is not there. */
export function composeProvisions({ name, title, config }: InstalledServer, parts: Parts): Provisions {
  const { installation, system, vault, secrets } = parts;
  const setting = name === "" ? "env" : `servers.${name}.env`;
  const given: [string, () => string][] = [];
  const connections: Record<string, string> = {};
  const routes: Record<string, EgressRoute> = {};
  for (const [variable, source] of Object.entries(config.env)) {
    if (isConnect(source)) connections[variable] = source.connect;
    else if (isProxy(source)) routes[variable] = routeOf(source.proxy, parts);
    else given.push([variable, reader(source, { installation, system, secrets, setting: `${setting}.${variable}` })]);
  }
  return createProvisions({
    given: () => Object.fromEntries(given.map(([variable, read]) => [variable, read()])),
    connections,
    source: vault,
    routes,
    egress: Object.keys(routes).length === 0 ? undefined : new Egress({ server: title, system }),
  });
}

function routeOf(name: string, { installation, system, vault, secrets }: Parts): EgressRoute {
  const { egress } = installation.config;
  const config: EgressConfig | undefined = Object.hasOwn(egress, name) ? egress[name] : undefined;
  if (config === undefined) throw new TypeError(`unknown egress ${JSON.stringify(name)}`);
  const { url, methods, paths, header, scheme, value } = config;
  return createEgressRoute({
    ...{ name, url, methods, paths, header, scheme },
    value: isConnect(value)
      ? { connection: value.connect, source: vault ?? NOBODY }
      : reader(value, { installation, system, secrets, setting: `egress.${name}.value` }),
  });
}

/** For commands that ask a server what it offers: nobody calls. */
const NOBODY: UserCredentialSource = {
  tokenFor: () => {
    throw new UpstreamError("protocol", "nobody calls");
  },
  refused: () => undefined,
};

/** Reads a secret now, and again where it lies in a file or in the store, where somebody may replace it while the program runs. */
function reader(
  source: SealableSource,
  { installation, system, secrets, setting }: Omit<Parts, "vault"> & { readonly setting: string },
): () => string {
  if (isSealed(source)) return () => secrets.read(source.secret);
  let value = readSecret(source, installation.baseFolder, setting);
  if (typeof source === "string" || "env" in source) return () => value;
  let readMs = system.monotonicMs();
  return () => {
    if (system.monotonicMs() - readMs < HELD_MS) return value;
    try {
      value = readSecret(source, installation.baseFolder, setting);
    } catch (cause) {
      throw new UpstreamError("overloaded", `the secret of ${setting} cannot be read`, { retryAfter: 1, cause });
    }
    readMs = system.monotonicMs();
    return value;
  };
}

function isConnect(source: EnvSource): source is { readonly connect: string } {
  return typeof source === "object" && "connect" in source;
}

function isProxy(source: EnvSource): source is { readonly proxy: string } {
  return typeof source === "object" && "proxy" in source;
}
