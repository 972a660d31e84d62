// Part of the build: the program and the libraries that it runs with, as a few files (docs/decisions/0002-the-program-is-bundled.md).
// Node.js reads a file for each module; 1,500 of them took most of a start. Native modules stay outside. What was bundled, with its
// licences, is written beside it.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const home = join(root, "packages/sallyport");
const folder = join(home, "dist/program");
const { dependencies } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));

const build = await rolldown({
  cwd: root,
  input: { main: join(home, "dist/cli/main.js") },
  platform: "node",
  resolve: { alias: { undici: fileURLToPath(new URL("undici-pools.mjs", import.meta.url)) } },
  external: [/^node:/, ...Object.keys(dependencies), "pg-native"],
});
rmSync(folder, { recursive: true, force: true });
const { output } = await build.write({
  dir: folder,
  format: "esm",
  comments: false,
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js",
});
await build.close();

const packages = new Map();
for (const file of output.flatMap(({ moduleIds = [] }) => moduleIds)) {
  const at = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(file)?.[1];
  if (at !== undefined) packages.set(at, JSON.parse(readFileSync(join(at, "package.json"), "utf8")));
}
const notices = [...packages].map(([at, manifest]) => ({ ...manifest, text: licenceIn(at) }));
notices.sort((a, b) => (a.name < b.name ? -1 : 1));
const missing = notices.filter(({ license }) => typeof license !== "string");
if (missing.length > 0) throw new Error(`No licence is named by ${missing.map(({ name }) => name).join(", ")}.`);
writeFileSync(
  join(folder, "THIRD-PARTY.txt"),
  notices
    .map(({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text}\n`)
    .join(`\n${"-".repeat(80)}\n\n`),
);

function licenceIn(at) {
  const file = readdirSync(at).find((name) => /^licen[cs]e/i.test(name));
  return file === undefined
    ? "The package holds no text of this licence."
    : readFileSync(join(at, file), "utf8").trim();
}
