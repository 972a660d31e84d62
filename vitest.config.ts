import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`./packages/auth/src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests read the sources, so that a failing line is the line that was written; what is shipped is tested by test/pack.
    alias: [
      { find: /^@sallyport\/auth$/, replacement: source("index.ts") },
      { find: /^@sallyport\/auth\/(authorization-server|client|testing)$/, replacement: source("$1/index.ts") },
      { find: /^@sallyport\/auth\/(node|express|fastify|hono)$/, replacement: source("adapters/$1.ts") },
    ],
  },
  test: {
    include: ["packages/*/src/**/*.test.{ts,tsx}", "test/**/*.test.ts", "examples/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
