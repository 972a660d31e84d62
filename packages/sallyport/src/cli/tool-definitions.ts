import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "@sallyport/auth";
import { hashTool } from "../policy/tool-hash.js";
import type { Installation, InstalledServer } from "./installation.js";

/**
 * The definitions that the catalogue's hashes stand for, beside the store, so that a change can be shown and not only noticed. Nothing is
 * decided by them: each counts only as far as its hash is the one in the store.
 */
function fileOf({ dataFolder }: Installation, { name }: InstalledServer): string {
  return join(dataFolder, "tools", `${name === "" ? "server" : name}.json`);
}

/** Definition by hash; what cannot be read is not there. */
export function readDefinitions(installation: Installation, server: InstalledServer): ReadonlyMap<string, JsonObject> {
  const file = fileOf(installation, server);
  if (!existsSync(file)) return new Map();
  try {
    const kept: readonly JsonObject[] = JSON.parse(readFileSync(file, "utf8"));
    return new Map(kept.map((definition) => [hashTool(definition), definition]));
  } catch {
    return new Map();
  }
}

/** Keeps `definitions`, and of what was kept before those whose hash is still wanted. @throws what the file system throws. */
export function keepDefinitions(
  { installation, server }: { readonly installation: Installation; readonly server: InstalledServer },
  definitions: readonly JsonObject[],
  wanted: ReadonlySet<string>,
): void {
  const all = new Map(readDefinitions(installation, server));
  for (const definition of definitions) all.set(hashTool(definition), definition);
  const kept = [...all].flatMap(([hash, definition]) => (wanted.has(hash) ? [definition] : []));
  const file = fileOf(installation, server);
  mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
