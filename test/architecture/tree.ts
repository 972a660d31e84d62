import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tree } from "./rules.js";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const SKIPPED = new Set(["node_modules", "dist", "coverage", "artifacts", "tools", ".git"]);

/** Every source file of packages, tests, benches, examples and scripts. */
export function readTree(): Tree {
  const tree = new Map<string, string>();
  const walk = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) walk(path);
      if (entry.isFile() && /\.(?:tsx?|m?js)$/.test(entry.name))
        tree.set(relative(ROOT, path), readFileSync(path, "utf8"));
    }
  };
  for (const top of ["packages", "test", "bench", "examples", "scripts"]) {
    try {
      walk(join(ROOT, top));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return tree;
}
