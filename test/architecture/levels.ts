/*
 * The layout as data: every folder one idea, with its level. An import goes to a lower level or stays in its folder.
 * A new folder gets a row here; where it belongs is a decision of its own (ARCHITECTURE.md).
 */
export const LEVELS: Readonly<Record<string, number>> = {
  "packages/auth/src/core": 0,
  "packages/auth/src/system.ts": 0,
  "packages/auth/src/oauth": 1,
  "packages/auth/src/resource-server": 2,
  "packages/auth/src/authorization-server": 2,
  "packages/auth/src/client": 2,
  "packages/auth/src/adapters": 3,
  "packages/auth/src/index.ts": 3,
  "packages/auth/src/testing": 3,
  "packages/sallyport/src/sealing": 4,
  // What the configuration file says, as data: everything above may read it.
  "packages/sallyport/src/config": 4,
  // Signing in elsewhere, and tokens of elsewhere: knows nothing of pages and stores.
  "packages/sallyport/src/federation": 4,
  "packages/sallyport/src/policy": 5,
  "packages/sallyport/src/sign-in": 5,
  "packages/sallyport/src/decision-log": 5,
  "packages/sallyport/src/upstream": 5,
  // Pages that share session, look and checks with sign-in.
  "packages/sallyport/src/account": 6,
  // What people have connected under their own names, and the pages for it.
  "packages/sallyport/src/vault": 6,
  "packages/sallyport/src/gateway": 6,
  "packages/sallyport/src/bridge": 6,
  "packages/sallyport/src/auditor": 6,
  "packages/sallyport/src/admin": 6,
  "packages/sallyport/src/stores": 7,
  // Hears what the gateway does, through its ports.
  "packages/sallyport/src/telemetry": 7,
  "packages/sallyport/src/cli": 8,
};

/** The one file that reads the clock, randomness and the console. */
export const SYSTEM = "packages/auth/src/system.ts";

/** Where `@sallyport/auth` and its subpaths point to. */
export const ENTRIES: Readonly<Record<string, string>> = {
  "@sallyport/auth": "packages/auth/src/index.ts",
  "@sallyport/auth/authorization-server": "packages/auth/src/authorization-server/index.ts",
  "@sallyport/auth/client": "packages/auth/src/client/index.ts",
  "@sallyport/auth/testing": "packages/auth/src/testing/index.ts",
  "@sallyport/auth/node": "packages/auth/src/adapters/node.ts",
  "@sallyport/auth/express": "packages/auth/src/adapters/express.ts",
  "@sallyport/auth/fastify": "packages/auth/src/adapters/fastify.ts",
  "@sallyport/auth/hono": "packages/auth/src/adapters/hono.ts",
};

/** The row of {@link LEVELS} a file belongs to. */
export function folderOf(path: string): string | undefined {
  return Object.keys(LEVELS).find((folder) => path === folder || path.startsWith(`${folder}/`));
}
