// Part of the build: the program and the libraries that it runs with, as a few files (docs/decisions/0002-the-program-is-bundled.md).
// Node.js reads a file for each module; 1,500 of them took most of a start. Native modules stay outside. What was bundled, with its
// licences, is written beside it.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const home = join(root, "packages/sallyport");
const folder = join(home, "dist/program");
// Made beside its place and moved there whole: a build that fails leaves the program of the one before.
const fresh = join(home, "dist/program.new");
const { dependencies } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));

const build = await rolldown({
  cwd: root,
  input: { main: join(home, "dist/cli/main.js") },
  platform: "node",
  resolve: { alias: { undici: fileURLToPath(new URL("undici-pools.mjs", import.meta.url)) } },
  external: [/^node:/, ...Object.keys(dependencies), "pg-native"],
});
rmSync(fresh, { recursive: true, force: true });
const { output } = await build.write({
  dir: fresh,
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
  join(fresh, "THIRD-PARTY.txt"),
  notices
    .map(({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text}\n`)
    .join(`\n${"-".repeat(80)}\n\n`),
);
rmSync(folder, { recursive: true, force: true });
renameSync(fresh, folder);

function licenceIn(at) {
  // Apache-2.0 §4 (d): a NOTICE goes along with the licence.
  const files = readdirSync(at).filter((name) => /^(licen[cs]e|copying|notice)([.-]|$)/i.test(name));
  const texts = files.map((name) => readFileSync(join(at, name), "utf8").trim());
  if (texts.length > 0) return texts.join("\n\n");
  // Some say it at the end of their README only.
  const readme = readdirSync(at).find((name) => /^readme/i.test(name));
  const said = readme && /^#+ licen[cs]e\s*$([\s\S]*)/im.exec(readFileSync(join(at, readme), "utf8"))?.[1]?.trim();
  return said || "The package holds no text of this licence.";
}
