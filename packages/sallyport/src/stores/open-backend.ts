import type { System } from "@sallyport/auth";
import type { Backend } from "./backend.js";
import { openPostgres } from "./postgres.js";
import { openSqlite } from "./sqlite.js";

/** Where a database is and how patient one is with it. */
export interface BackendOptions {
  /** `sqlite:` and a path (`sqlite:./sallyport.db`, relative to the working directory), `sqlite::memory:`, or `postgres://…`. */
  readonly url: string;
  readonly system: System;
  /** How long an answer of the database may take, other processes' writes included; default 4,500 ms. */
  readonly busyTimeoutMs?: number;
}

type Open = (options: BackendOptions, place: string) => Promise<Backend>;

/** Scheme of a storage URL → how to open it. */
const SCHEMES: Readonly<Record<string, Open>> = {
  sqlite: (options, file) => openSqlite({ file, ...timeout(options) }),
  postgres: ({ url, system, ...options }) => openPostgres({ url, log: system.log, ...timeout(options) }),
  postgresql: ({ url, system, ...options }) => openPostgres({ url, log: system.log, ...timeout(options) }),
};

function timeout({ busyTimeoutMs }: Pick<BackendOptions, "busyTimeoutMs">): Pick<BackendOptions, "busyTimeoutMs"> {
  return busyTimeoutMs === undefined ? {} : { busyTimeoutMs };
}

/** @throws Error for an unknown scheme, or a database that cannot be opened. */
export async function openBackend(options: BackendOptions): Promise<Backend> {
  const [, scheme = "", place = ""] = /^([a-z]+):(.+)$/.exec(options.url) ?? [];
  const open = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (open !== undefined) return open(options, place);
  // Only the scheme is repeated: the rest of a database URL may hold a password.
  const known = Object.keys(SCHEMES).map((name) => `${name}:`);
  const given = JSON.stringify(scheme === "" ? options.url.split(":")[0] : scheme);
  throw new Error(`storage: ${given} is no known scheme with a place after it; known: ${known.join(", ")}`);
}
