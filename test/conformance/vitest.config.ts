import { defineConfig } from "vitest/config";

// Not part of `npm test`: it installs the suite and a newer Node first. See run.mjs.
export default defineConfig({
  root: new URL("../..", import.meta.url).pathname,
  test: {
    include: ["test/conformance/*.conformance.ts"],
    testTimeout: 20_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
