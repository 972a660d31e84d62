import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`./packages/auth/src/${path}`, import.meta.url));

/** What takes long: two processes on one database, kill -9, real browsers, every client against every server. `npm run test:long`. */
const LONG = [
  "packages/sallyport/src/stores/postgres.test.ts",
  "packages/sallyport/src/upstream/http.test.ts",
  "test/{replicas,e2e,federation}/**/*.test.ts",
  "test/*kill-9.test.ts",
  "test/reload-under-load.test.ts",
  "test/pack.test.ts",
  "examples/support-desk/test/*.test.ts",
  "packages/sallyport/src/decision-log/{verify,tamper-*}.test.ts",
  "test/inner-door/stored-*.test.ts",
  "test/interop/{browser,browser-cookies,clients,connect,log-export}.test.ts",
];
const ALL = ["packages/*/src/**/*.test.{ts,tsx}", "test/**/*.test.ts", "examples/**/*.test.ts"];

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
    projects: [
      // One module graph for all files of a worker: to load it anew for each of them took half of the time. A test leaves nothing behind anyway.
      {
        extends: true,
        test: { name: "short", isolate: false, include: ALL, exclude: ["**/node_modules/**", ...LONG] },
      },
      { extends: true, test: { name: "long", include: LONG } },
      { extends: true, test: { name: "desk", include: ["examples/support-desk/{src,test}/**/*.test.ts"] } },
    ],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
