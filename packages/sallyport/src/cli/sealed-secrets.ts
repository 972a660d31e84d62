import type { System } from "@sallyport/auth";
import type { CredentialConfig, TokenClientConfig } from "../config/credential-settings.js";
import type { Config } from "../config/schema.js";
import type { SealableSource } from "../config/setting.js";
import { UpstreamError } from "../upstream/upstream.js";
import { CliError } from "./exit.js";

/** What the operator has stored under names (`{ secret: <name> }`), at hand without waiting. */
export interface SealedSecrets {
  /** Another number after every change. */
  readonly version: number;
  /** @throws UpstreamError for one that was removed while the program ran: nothing goes on without it. */
  read(name: string): string;
  /** Reads all again, since the store said that one changed; what was there counts until that has worked. Never rejects. */
  reload(): Promise<void>;
}

/** Milliseconds until secrets that could not be read are read again. */
const RETRY_MS = 1_000;

interface Parts {
  readonly config: Config;
  readonly secrets: { read(names: readonly string[]): Promise<ReadonlyMap<string, string>> };
  readonly system: Pick<System, "log">;
  /** How an operator names this installation on the command line. */
  readonly operatorFlags: string;
}

/** @throws CliError that names each setting whose secret nobody has stored */
export async function openSealedSecrets({ config, secrets, system, operatorFlags }: Parts): Promise<SealedSecrets> {
  const uses = secretsNamedIn(config);
  const names = [...new Set(uses.map(({ name }) => name))];
  let values = await secrets.read(names);
  const missing = uses.filter(({ name }) => !values.has(name));
  if (missing.length > 0) {
    const lines = missing.map(
      ({ setting, name }) =>
        `${setting}: there is no secret ${JSON.stringify(name)}; \`sallyport secret set ${name}${operatorFlags}\` stores one`,
    );
    throw new CliError(lines.join("\n"));
  }
  let version = 0;
  let reading: Promise<void> | undefined;
  const queue = (): Promise<void> => {
    reading = (reading ?? Promise.resolve()).then(attempt);
    return reading;
  };
  const attempt = async (): Promise<void> => {
    try {
      values = await secrets.read(names);
      version += 1;
    } catch (error) {
      system.log("warn", "secrets not read; tried again in a second", { error: String(error) });
      setTimeout(() => void queue(), RETRY_MS).unref();
    }
  };
  return {
    get version() {
      return version;
    },
    read: (name) => {
      const value = values.get(name);
      if (value === undefined) throw new UpstreamError("protocol", `the secret ${JSON.stringify(name)} was removed`);
      return value;
    },
    // One after the other: an earlier answer must not come after a later one.
    reload: () => (names.length === 0 ? Promise.resolve() : queue()),
  };
}

export function isSealed(source: unknown): source is { readonly secret: string } {
  return typeof source === "object" && source !== null && "secret" in source;
}

function secretsNamedIn({
  servers,
  egress,
  connections,
}: Config): readonly { readonly setting: string; readonly name: string }[] {
  const named = (setting: string, source: SealableSource | object | undefined) =>
    isSealed(source) ? [{ setting, name: source.secret }] : [];
  const all = (setting: string, sources: Readonly<Record<string, SealableSource | object | undefined>> = {}) =>
    Object.entries(sources).flatMap(([name, source]) => named(`${setting}.${name}`, source));
  return [
    ...Object.entries(egress).flatMap(([name, { value }]) => named(`egress.${name}.value`, value as SealableSource)),
    ...Object.entries(connections).flatMap(([name, { clientSecret }]) =>
      named(`connections.${name}.clientSecret`, clientSecret),
    ),
    ...Object.entries(servers).flatMap(
      ([name, { env, headers, credential = {}, credentials = [], authorizationServers = [] }]) => [
        ...authorizationServers.flatMap(({ introspection }, index) =>
          named(
            `servers.${name}.authorizationServers[${index}].introspection.clientSecret`,
            introspection?.clientSecret,
          ),
        ),
        ...all(`servers.${name}.env`, env as Readonly<Record<string, SealableSource>>),
        ...all(`servers.${name}.headers`, headers),
        ...[credential, ...credentials].flatMap((one, index) => {
          const at = `servers.${name}.credential${index === 0 ? "" : `s[${index - 1}]`}`;
          return [
            ...all(`${at}.static`, one.static),
            ...clientsOf(one).flatMap(([kind, { secret, key }]) => all(`${at}.${kind}.client`, { secret, key })),
          ];
        }),
      ],
    ),
  ];
}

/** How the gateway is known where it gets tokens, by the place in the configuration. */
function clientsOf({
  exchange,
  clientCredentials,
  idJag,
}: CredentialConfig): readonly (readonly [string, TokenClientConfig])[] {
  const all = { exchange, clientCredentials, idJag, "idJag.idp": idJag?.idp };
  return Object.entries(all).flatMap(([kind, server]) =>
    server?.client === undefined ? [] : [[kind, server.client] as const],
  );
}
