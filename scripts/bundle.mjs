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
const notices = [...packages].map(([at, manifest]) => ({ ...manifest, text: licenceIn(at, manifest) }));
notices.sort((a, b) => (a.name < b.name ? -1 : 1));
const missing = notices.filter(({ license, text }) => typeof license !== "string" || text === undefined);
if (missing.length > 0) throw new Error(`No text of a licence for ${missing.map(({ name }) => name).join(", ")}.`);
writeFileSync(
  join(fresh, "THIRD-PARTY.txt"),
  notices
    .map(({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text}\n`)
    .join(`\n${"-".repeat(80)}\n\n`),
);
rmSync(folder, { recursive: true, force: true });
renameSync(fresh, folder);

function licenceIn(at, { license }) {
  // Apache-2.0 §4 (d): a NOTICE goes along with the licence.
  const files = readdirSync(at).filter((name) => /^(licen[cs]e|copying|notice)([.-]|$)/i.test(name));
  const texts = files.map((name) => readFileSync(join(at, name), "utf8").trim());
  if (texts.length > 0) return texts.join("\n\n");
  // Some say it at the end of their README only.
  const readme = readdirSync(at).find((name) => /^readme/i.test(name));
  const said = readme && /^#+ licen[cs]e\s*$([\s\S]*)/im.exec(readFileSync(join(at, readme), "utf8"))?.[1]?.trim();
  return said || licenceInSources(at, `${license}`);
}

/** Some name their licences only, and say at the head of their sources whose they are. `undefined` where a text is wanted and not there. */
function licenceInSources(at, license) {
  const heads = new Set(sourcesIn(at).map(headOf));
  const texts = license.match(/[\w.-]+/g).flatMap((name) => {
    if (name === "AND") return [];
    if (name === "Apache-2.0") return [readFileSync(join(root, "LICENSE"), "utf8").split("\n   Copyright 2026")[0]];
    return name === "BSD-3-Clause" ? [[...heads].find((head) => head.includes("Redistribution and use"))] : [undefined];
  });
  if (texts.includes(undefined)) return undefined;
  const owners = new Set([...heads].flatMap((head) => head.match(/^Copyright .*$/m) ?? []));
  return [[...owners].sort().join("\n"), ...texts.map((text) => text.trim())].join("\n\n");
}

function sourcesIn(at) {
  const names = readdirSync(at, { recursive: true }).filter(
    (name) => /\.js$/.test(name) && !name.includes("node_modules"),
  );
  return names.map((name) => readFileSync(join(at, name), "utf8"));
}

/** The comment lines that a source begins with, without their slashes. */
function headOf(source) {
  const [head = ""] = /^(?:\/\/.*\n)*/.exec(source) ?? [];
  return head.replace(/^\/\/ ?/gm, "").trim();
}
