import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Program, ROOT, startProgram } from "./harness.js";

/* The commands beside the gateway, as somebody types them. */
const folder = mkdtempSync(join(tmpdir(), "sallyport-commands-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function sallyport(args: readonly string[], cwd = folder): Promise<Result> {
  const argv = [join(ROOT, "packages/sallyport/bin/sallyport.js"), ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { cwd }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}

describe("sallyport docs", () => {
  test("prints which pages there are, and each of them whole", async () => {
    const { stdout, code } = await sallyport(["docs"]);
    expect(code).toBe(0);
    const names = [...stdout.matchAll(/^ {2}(\S+) {2,}\S/gm)].map(([, name]) => name);
    expect(names).toEqual(expect.arrayContaining(["settings", "errors", "policy", "sign-in"]));
    const page = await sallyport(["docs", "settings"]);
    expect(page.stdout).toBe(readFileSync(join(ROOT, "docs/settings.md"), "utf8"));
  });

  test.each(["nothing", "../package", "settings.md"])("has no page %j: exit 2, and which there are", async (name) => {
    const { code, stderr } = await sallyport(["docs", name]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/there is no page .*; there are: .*settings/);
  });
});

describe("sallyport tools for a protect installation", () => {
  let program: Program;
  let dataDir: string;
  const SERVER = join(folder, "server.mjs");
  const tool = (description: string) => `
    import { createInterface } from "node:readline";
    const say = (id, result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
    createInterface({ input: process.stdin }).on("line", (line) => {
      const { id, method } = JSON.parse(line);
      if (method === "initialize") say(id, { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } });
      else if (method === "tools/list") say(id, { tools: [{ name: "look", description: ${JSON.stringify(description)}, inputSchema: { type: "object" }, annotations: { readOnlyHint: true } }] });
      else if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no" } }));
    });`;

  beforeAll(async () => {
    dataDir = mkdtempSync(join(folder, "data-"));
    writeFileSync(SERVER, tool("Looks."));
    program = await startProgram({ dataDir, arguments: ["--name", "notes", "--", process.execPath, SERVER] });
  });
  afterAll(() => program?.stop());
  const tools = (verb: string, ...rest: string[]) =>
    sallyport(["tools", verb, ...rest, "--name", "notes", "--data-dir", dataDir]);

  test("asks the very server that it was started with", async () => {
    expect(await tools("list")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^notes\n {2}look +mcp:read/) });
    expect((await tools("diff")).code).toBe(0);
  });

  test("shows what changed, and accepts it", async () => {
    writeFileSync(SERVER, tool("Looks and deletes."));
    expect(await tools("diff")).toMatchObject({ code: 1, stdout: expect.stringContaining("deletes") });
    expect(await tools("accept", "look")).toMatchObject({ code: 0, stdout: expect.stringContaining("accepted look") });
    expect((await tools("diff")).code).toBe(0);
  });

  test.each([
    ["an installation that is not there", ["--name", "other"], /there is no installation "other".*notes/s],
    ["both kinds at once", ["--name", "notes", "--config", "x.yaml"], /give one of them/],
    ["neither, where neither lies", [], /there is no installation "default"/],
  ])("refuses %s with exit 2", async (_, flags, says) => {
    const { code, stderr } = await sallyport(["tools", "list", "--data-dir", dataDir, ...flags]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
  });
});

describe("sallyport protect", () => {
  test.each([
    ["a certificate without its key", ["--tls-cert", "cert.pem"], /own TLS needs both `--tls-cert` and `--tls-key`/],
    ["a key without its certificate", ["--tls-key", "key.pem"], /own TLS needs both/],
    [
      "every address, and nobody who ends TLS",
      ["--host", "0.0.0.0", "--public-url", "https://x.example"],
      /`--trusted-proxy`/,
    ],
  ])("refuses %s: exit 2, in the words of its flags", async (_, flags, says) => {
    const { code, stderr } = await sallyport(["protect", "--data-dir", folder, ...flags, "--", "cat"]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
  });
});

describe("the name of sallyport protect", () => {
  const HOLDS = ["--", process.execPath, "-e", "process.stdin.resume()"];

  test("is kept by a command that never served anybody, and the refusal says that nothing is lost with it", async () => {
    const dataDir = mkdtempSync(join(folder, "slip-"));
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const port = String((taken.address() as AddressInfo).port);
    const missed = await sallyport(["protect", "--data-dir", dataDir, "--port", port, "--", "node", "nosuch.js"]);
    taken.close();
    expect([missed.code, missed.stderr]).toEqual([2, expect.stringContaining(`port ${port} is taken`)]);
    const other = await sallyport(["protect", "--port", "0", "--data-dir", dataDir, ...HOLDS]);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(
        /"default" protects another server .*--replace .*: nothing was granted under it so far, so nothing is lost\./,
      ),
    ]);
    const replaced = await startProgram({ dataDir, arguments: ["--replace", "--url", "http://127.0.0.1:9/mcp"] });
    await replaced.stop();
    const again = await startProgram({ dataDir, arguments: ["--url", "http://127.0.0.1:9/mcp"] });
    await again.stop();
  });

  test("stays with its command where somebody may grant", async () => {
    const dataDir = mkdtempSync(join(folder, "kept-"));
    const program = await startProgram({ dataDir, arguments: ["--url", "http://127.0.0.1:9/mcp"] });
    await program.stop();
    for (const words of [["add"], ["allow", "mcp:read"]]) {
      const [verb = "", ...scopes] = words;
      expect(await sallyport(["user", verb, "kim", ...scopes, "--data-dir", dataDir])).toMatchObject({ code: 0 });
    }
    const other = await sallyport(["protect", "--port", "0", "--data-dir", dataDir, ...HOLDS]);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(
        /"default" protects another server .*--replace .*, which ends everything granted under it\./,
      ),
    ]);
  });
});

describe("a sign-in code", () => {
  const dataDir = mkdtempSync(join(folder, "codes-"));
  beforeAll(async () => {
    const program = await startProgram({ dataDir, arguments: ["--url", "http://127.0.0.1:9/mcp"] });
    await program.stop();
  });

  test.each([
    ["user add sam", "24 hours"],
    ["user reset sam", "24 hours"],
    ["owner code", "10 minutes"],
  ])("of `sallyport %s` comes with how long it is good: %s", async (words, lifetime) => {
    const { stdout } = await sallyport([...words.split(" "), "--data-dir", dataDir]);
    expect(stdout).toMatch(new RegExp(`^Sign-in code: [0-9A-Z-]{34}   \\(works once, within ${lifetime}; open `, "m"));
  });
});

describe("sallyport log erase", () => {
  test("asks for a condition, and names all that there are", async () => {
    const { code, stderr } = await sallyport(["log", "erase", "--folder", folder]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--sub, --client, --session, --server, --tool, --decision, --before/);
  });

  test("takes one condition of any kind", async () => {
    for (const flag of ["--client", "--tool"]) {
      const { code, stdout } = await sallyport(["log", "erase", "--folder", folder, flag, "x"]);
      expect([code, stdout]).toEqual([0, "Erased the arguments of 0 decisions.\n"]);
    }
  });
});

describe("npm start", () => {
  const start = (...flags: string[]) =>
    spawn(process.execPath, [join(ROOT, "scripts/start.mjs"), ...flags], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });

  test("gives its flags to sallyport, and protects the example", async () => {
    const child = start("--port", "0", "--json", "--data-dir", mkdtempSync(join(folder, "start-")));
    const gone = new Promise((resolve) => child.once("exit", resolve));
    for await (const line of createInterface({ input: child.stdout })) {
      const report = JSON.parse(line) as {
        event: string;
        servers: readonly { title: string; tools: readonly unknown[] }[];
      };
      expect(report.servers[0]).toMatchObject({ title: "everything" });
      expect(report.servers[0]?.tools.length).toBeGreaterThan(5);
      break;
    }
    child.kill("SIGTERM");
    expect(await gone).toBe(0);
  });
});
