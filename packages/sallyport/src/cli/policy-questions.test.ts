import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openStore } from "../stores/store.js";
import { main } from "./main.js";
import { createProgramSystem } from "./program-system.js";
import { keepOutput } from "./testing/kept-output.js";

const FILE = `publicUrl: https://mcp.example.com
servers:
  crm:
    upstream: http://127.0.0.1:9001/mcp
    rules:
      - deny: tools/delete_*
        because: Nothing is deleted here.
      - deny: tools/update_contact
        when: args.credit_limit > 10000
`;

describe("the questions of the command line", () => {
  let folder: string;
  const said = keepOutput();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sallyport-"));
    writeFileSync(join(folder, "sallyport.yaml"), FILE);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const file = () => join(folder, "sallyport.yaml");
  const explain = (...flags: string[]) => main(["explain", "--config", file(), "--sub", "alice", "--json", ...flags]);
  const answer = () => JSON.parse(said.output);

  test("a tool of which nothing is known needs write; without `access` everybody is entitled; denied is 1", async () => {
    expect(await explain("--scope", "mcp:read", "--tool", "update_contact", "--args", '{"credit_limit":1}')).toBe(1);
    expect(answer()).toMatchObject({
      allow: false,
      outcome: "scope",
      rule: "scope:mcp:write",
      missingScopes: ["mcp:write"],
      assumed: true,
    });
  });

  test("an annotated tool needs read; allowed is 0", async () => {
    expect(await explain("--scope", "mcp:read", "--tool", "get_contact", "--read-only")).toBe(0);
    expect(answer()).toMatchObject({ allow: true, rule: "scope:mcp:read", missingScopes: [] });
  });

  test("a catalogue says what tools need, and which there are", async () => {
    const catalogue = join(folder, "tools.json");
    writeFileSync(catalogue, JSON.stringify({ tools: [{ name: "get_contact", annotations: { readOnlyHint: true } }] }));
    expect(await explain("--catalogue", catalogue, "--scope", "mcp:read", "--tool", "get_contact")).toBe(0);
    said.output = "";
    expect(await explain("--catalogue", catalogue, "--scope", "mcp:write", "--tool", "other")).toBe(1);
    expect(answer()).toMatchObject({ outcome: "unknown", reason: "no tool of this name was seen at the server" });
  });

  test("what a store knows of the tools counts, and no command for its master key is run for it", async () => {
    const url = `sqlite:${join(folder, "store.db")}`;
    const store = await openStore({ url, masterKey: new Uint8Array(32), system: createProgramSystem("error", false) });
    const row = { tool: "get_contact", scope: "mcp:read", hash: "of-it", first_seen: 1, accepted: undefined };
    await store.catalogue.freeze("crm", [row]);
    await store.close();
    const ran = join(folder, "ran");
    const key = [process.execPath, "-e", `fs.writeFileSync(${JSON.stringify(ran)}, "")`];
    writeFileSync(file(), `storage: ${url}\nmasterKey: { command: ${JSON.stringify(key)} }\n${FILE}`);
    expect([await explain("--scope", "mcp:read", "--tool", "get_contact"), said.errors]).toEqual([0, ""]);
    expect(existsSync(ran)).toBe(false);
    writeFileSync(join(folder, "other.db"), "of somebody else ".repeat(1_000));
    writeFileSync(file(), `storage: sqlite:${join(folder, "other.db")}\n${FILE}`);
    expect(await explain("--scope", "mcp:read", "--tool", "get_contact")).toBe(2);
    expect(said.errors).toMatch(/the tools of "crm" as the store has them \(or give --catalogue\): .*not a database/);
  });

  test("the deciding rule comes with its line, and the others with why they did not match", async () => {
    expect(await explain("--scope", "mcp:write", "--tool", "update_contact", "--args", '{"credit_limit":20000}')).toBe(
      1,
    );
    expect(answer()).toMatchObject({
      rule: "crm.rules[1]@sallyport.yaml:8",
      line: 8,
      outcome: "rule",
      rules: [
        { rule: "crm.rules[0]@sallyport.yaml:6", result: "other", why: "names tools/delete_*" },
        { result: "holds", why: "args.credit_limit > 10000" },
      ],
    });
  });

  test("numbers of --args stay as they were written", async () => {
    expect(
      await explain("--scope", "mcp:write", "--tool", "update_contact", "--args", '{"credit_limit":9007199254740993}'),
    ).toBe(1);
    expect(answer().reason).toContain("cannot be read exactly");
  });

  test("for people the decision comes first", async () => {
    expect(await main(["explain", "--config", file(), "--sub", "alice", "--tool", "delete_all"])).toBe(1);
    expect(said.output).toMatch(/^DENY {3}alice may not use tools\/delete_all on crm\n {2}decided by +crm\.rules\[0\]/);
    expect(said.output).toContain("Nothing is deleted here.");
  });

  test("what the server asks of the client is allowed until a rule says otherwise, and then says which", async () => {
    expect(await explain("--request", "sampling")).toBe(0);
    expect(answer()).toMatchObject({ allow: true, rule: "default", target: "requests/sampling" });
    writeFileSync(
      file(),
      FILE.replace("tools/update_contact", "requests/elicitation").replace(
        "args.credit_limit > 10000",
        'args.mode == "url"',
      ),
    );
    said.output = "";
    expect(await explain("--request", "elicitation", "--args", '{"mode":"url"}')).toBe(1);
    expect(answer()).toMatchObject({ rule: "crm.rules[1]@sallyport.yaml:8", line: 8, missingScopes: [] });
    said.output = "";
    expect(await explain("--request", "elicitation", "--args", '{"mode":"form"}')).toBe(0);
    said.output = "";
    expect(await main(["policy", "matrix", "--config", file()])).toBe(0);
    expect(said.output).toMatch(/requests\/elicitation +if +if/);
  });

  test.each([
    ["that no server asks", "requests/samplin", "is nothing that servers ask; there are requests/sampling"],
    ["of no kind", "request/sampling", "does not begin with tools/"],
  ])("2 for a rule over something %s", async (_, glob, says) => {
    writeFileSync(file(), FILE.replace("tools/update_contact", glob));
    expect(await explain("--tool", "a")).toBe(2);
    expect(said.errors).toContain(says);
  });

  test("2 for a scope that would permit what servers ask", async () => {
    writeFileSync(file(), FILE.replace("    rules:", '    scopes: { all: { allow: ["requests/*"] } }\n    rules:'));
    expect(await explain("--tool", "a")).toBe(2);
    expect(said.errors).toContain("needs no scope; name it in rules");
  });

  const wrong: readonly (readonly [what: string, flags: readonly string[], says: string])[] = [
    ["nothing is asked", [], "exactly one of"],
    ["a request is asked that servers do not send", ["--request", "lunch"], "servers ask sampling"],
    ["a tool and a request are asked", ["--request", "roots", "--tool", "a"], "exactly one of"],
    ["two things are asked", ["--tool", "a", "--prompt", "b"], "exactly one of"],
    ["the arguments are not JSON", ["--tool", "a", "--args", "{"], "args"],
    ["the arguments are a list", ["--tool", "a", "--args", "[]"], "args"],
    ["the server does not exist", ["--tool", "a", "--server", "x"], "there are crm"],
    ["the time is none", ["--tool", "a", "--time", "noon"], "--time"],
    ["the scope is none", ["--tool", "a", "--scope", "a  b"], "scope"],
  ];
  test.each(wrong)("2 when %s", async (_, flags, says) => {
    expect(await explain(...flags)).toBe(2);
    expect(said.errors).toContain(says);
  });

  test("2 for a file that is broken, with line and column", async () => {
    writeFileSync(file(), FILE.replace("args.credit_limit > 10000", "arg.x == 1"));
    expect(await explain("--tool", "a")).toBe(2);
    expect(said.errors).toContain("sallyport.yaml:9:15: servers.crm.rules.1.when: unknown name");
  });

  test("expectations are met with 0, missed with 1 and a difference", async () => {
    const tests = join(folder, "sallyport.tests.yaml");
    writeFileSync(tests, "tests:\n  - { sub: alice, tool: delete_all, expect: deny }\n");
    expect(await main(["policy", "test", "--config", file()])).toBe(0);
    writeFileSync(tests, "tests:\n  - { sub: alice, tool: delete_all, expect: allow }\n");
    expect(await main(["policy", "test", "--config", file()])).toBe(1);
    expect(said.output).toContain("sallyport.tests.yaml:2: alice delete_all\n  - allow\n  + deny by crm.rules[0]");
  });

  test("the matrix is a table, or a page in a file", async () => {
    expect(await main(["policy", "matrix", "--config", file()])).toBe(0);
    expect(said.output).toMatch(/tools\/update_contact +- +if/);
    const page = join(folder, "who.html");
    expect(await main(["policy", "matrix", "--config", file(), "--html", page])).toBe(0);
    expect(readFileSync(page, "utf8")).toContain("<!doctype html>");
  });
});
