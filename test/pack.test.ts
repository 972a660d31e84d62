import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "./architecture/tree.js";

/*
 * What users get: the tarballs of `npm pack`, installed into an empty project. Sources are tested elsewhere; this is about contents,
 * the list of entries, and what comes along.
 */
const folder = mkdtempSync(join(tmpdir(), "sallyport-pack-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const npm = (cwd: string, ...args: string[]) =>
  execFileSync("npm", [...args, "--loglevel=error"], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

function pack(name: string): Packed {
  const [packed] = JSON.parse(
    npm(ROOT, "pack", "--json", "--ignore-scripts", "--pack-destination", folder, "-w", name),
  );
  return packed;
}

const paths = (packed: Packed) => packed.files.map(({ path }) => path);

/** Everything in the package that nobody who installs it has a use for. */
const useless = (packed: Packed) =>
  paths(packed).filter((path) =>
    /\.test\.|\.contract\.|\.tsbuildinfo|\.map$|(?:^|\/)(?:src|test|fixtures)\//.test(path),
  );

const lacking = (packed: Packed, wanted: readonly string[]) => wanted.filter((path) => !paths(packed).includes(path));

/** Runs an ES module in the project and returns what it prints. */
function run(project: string, source: string): string {
  writeFileSync(join(project, "main.mjs"), source);
  return execFileSync(process.execPath, ["main.mjs"], { cwd: project, encoding: "utf8" });
}

describe("@sallyport/auth as it is published", () => {
  const project = join(folder, "library");
  let packed: Packed;

  beforeAll(() => {
    packed = pack("@sallyport/auth");
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }');
    npm(project, "install", join(folder, packed.filename), "--prefer-offline", "--ignore-scripts");
  });

  test("brings exactly one other package: jose", () => {
    const scopes = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
    expect(scopes.sort()).toEqual(["@sallyport", "jose"]);
    expect(readdirSync(join(project, "node_modules/@sallyport"))).toEqual(["auth"]);
  });

  test("holds no test, no build record and no source", () => expect(useless(packed)).toEqual([]));

  test("holds the licence and a README", () => expect(lacking(packed, ["LICENSE", "README.md"])).toEqual([]));

  test("every entry has its module and its types, and imports on plain Node without any framework", () => {
    const manifest = JSON.parse(readFileSync(join(project, "node_modules/@sallyport/auth/package.json"), "utf8"));
    const entries = Object.keys(manifest.exports).filter((entry) => entry !== "./package.json");
    expect(entries).toContain(".");
    for (const entry of entries) {
      const target = String(manifest.exports[entry].default ?? manifest.exports[entry]).replace("./", "");
      expect(lacking(packed, [target, target.replace(/\.js$/, ".d.ts")])).toEqual([]);
      const specifier = `@sallyport/auth${entry.slice(1)}`;
      const printed = run(project, `console.log(Object.keys(await import(${JSON.stringify(specifier)})).length);`);
      expect(Number(printed), `${specifier} exports nothing`).toBeGreaterThan(0);
    }
  });

  test("what is not listed cannot be imported", () => {
    const probe = 'await import("@sallyport/auth/dist/index.js").catch((error) => console.log(error.code));';
    expect(run(project, probe)).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED\n");
  });
});

describe("sallyport as it is published", () => {
  const project = join(folder, "program");
  let packed: Packed;

  beforeAll(() => {
    packed = pack("sallyport");
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }');
    npm(project, "install", join(folder, packed.filename), "--prefer-offline", "--ignore-scripts");
  }, 180_000);

  test("holds no test, no build record and no source", () => {
    expect([...useless(packed), ...paths(packed).filter((path) => path.includes("/testing/"))]).toEqual([]);
  });

  test("holds the licence and a README", () => expect(lacking(packed, ["LICENSE", "README.md"])).toEqual([]));

  test("npm links the command, and it answers", () => {
    const printed = execFileSync(join(project, "node_modules/.bin/sallyport"), ["--version"], { encoding: "utf8" });
    const manifest = JSON.parse(readFileSync(join(project, "node_modules/sallyport/package.json"), "utf8"));
    expect(printed).toContain(manifest.version);
  });

  test("a copy that was never built says so, without a stack trace", () => {
    const bin = join(folder, "unbuilt/bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(folder, "unbuilt/package.json"), '{ "type": "module" }');
    copyFileSync(join(ROOT, "packages/sallyport/bin/sallyport.js"), join(bin, "sallyport.js"));
    const { status, stderr } = spawnSync(process.execPath, [join(bin, "sallyport.js"), "--version"], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(/^sallyport: .*npm run build.*\n$/),
    });
  });

  test("the licence is the same everywhere", () => {
    const licence = readFileSync(join(ROOT, "LICENSE"), "utf8");
    for (const name of ["auth", "sallyport"]) {
      expect(readFileSync(join(ROOT, "packages", name, "LICENSE"), "utf8")).toBe(licence);
    }
  });

  test("needs no package but the native ones, and names those that it holds with their licences", () => {
    const { dependencies } = JSON.parse(readFileSync(join(project, "node_modules/sallyport/package.json"), "utf8"));
    expect(Object.keys(dependencies)).toEqual(["@node-rs/argon2", "libsql"]);
    const notices = readFileSync(join(project, "node_modules/sallyport/dist/program/THIRD-PARTY.txt"), "utf8");
    for (const name of ["jose", "hono", "kysely", "undici", "zod"])
      expect(notices).toMatch(new RegExp(`^${name} \\d.*\\(MIT\\)$`, "m"));
    // Its own package holds no text: the Apache License is ours, and what Google's part is under stands at the head of its source.
    const protobuf = /^@bufbuild\/protobuf \d.*?^-{80}$/ms.exec(notices)?.[0];
    expect(protobuf).toMatch(
      /Copyright 2008 Google Inc\..*TERMS AND CONDITIONS FOR USE.*Redistribution and use in source/s,
    );
  });

  test("holds nothing of the machine that it was built on", () => {
    const program = join(project, "node_modules/sallyport/dist/program");
    const files = readdirSync(program).filter((name) => name.endsWith(".js"));
    expect(files).toContain("main.js");
    for (const name of files) expect(readFileSync(join(program, name), "utf8").includes(ROOT), name).toBe(false);
  });
});
