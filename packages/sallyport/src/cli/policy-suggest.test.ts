import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decided, logFolder, openTestLog } from "../decision-log/testing/log-folder.js";
import { main } from "./main.js";
import { keepOutput } from "./testing/kept-output.js";

const WIDE = `# Ours.
publicUrl: https://mcp.example.com
log: { folder: . }
servers:
  crm: # contacts
    upstream: http://127.0.0.1:9001/mcp
    access:
      - { roles: [support, sales, board], scopes: ["mcp:write"] } # everybody
      - { users: [carol], scopes: ["mcp:read"] }
    rules:
      - deny: tools/delete_* # never
`;

const said = keepOutput();

interface Call {
  readonly who: string;
  readonly role?: string;
  readonly tool: string;
  readonly denied?: boolean;
}

const READS = (tool: string) => tool.startsWith("get_");
const SEEN: readonly Call[] = [
  { who: "alice", role: "support", tool: "get_contact" },
  { who: "alice", role: "support", tool: "update_contact" },
  { who: "bob", role: "sales", tool: "get_contact" },
  { who: "bob", role: "sales", tool: "get_deal" },
  { who: "alice", role: "support", tool: "delete_contact", denied: true },
];

async function record(calls: readonly Call[], folder = logFolder()): Promise<string> {
  const { chain, recorder } = await openTestLog(folder, {
    toolScopeOf: (tool) => (READS(tool) ? "mcp:read" : "mcp:write"),
  });
  for (const { who: name, role, tool, denied = false } of calls) {
    const { who, ...rest } = decided({ tool, denied, args: { id: 1 } });
    const principal = {
      ...who.principal,
      sub: `sub-${name}`,
      scopes: ["mcp:write"],
      roles: role === undefined ? [] : [role],
    };
    recorder.record({ ...rest, who: { ...who, principal, entitledBy: { names: [name], allowed: [] } } });
  }
  await chain.close();
  return folder;
}

const file = (folder: string, text = WIDE) => {
  const path = join(folder, "sallyport.yaml");
  writeFileSync(path, text);
  return path;
};
const suggest = (path: string, ...flags: string[]) => main(["policy", "suggest", "--config", path, ...flags]);
const replay = async (path: string, folder: string) => {
  said.output = "";
  const code = await main(["policy", "replay", path, "--folder", folder, "--json"]);
  return { code, report: JSON.parse(said.output) };
};

describe("a wide policy", () => {
  test("is narrowed to what was called, by whom, with its comments: as a diff, and exit code 1", async () => {
    const folder = await record(SEEN);
    expect(await suggest(file(folder))).toBe(1);
    expect(said.output).toMatchInlineSnapshot(`
      "--- a/sallyport.yaml
      +++ b/sallyport.yaml
      @@ -5,7 +5,16 @@
         crm: # contacts
           upstream: http://127.0.0.1:9001/mcp
           access:
      -      - { roles: [support, sales, board], scopes: ["mcp:write"] } # everybody
      -      - { users: [carol], scopes: ["mcp:read"] }
      +      - { roles: [support, sales], scopes: [mcp:write] } # everybody
           rules:
             - deny: tools/delete_* # never
      +    scopes:
      +      mcp:read:
      +        allow:
      +          - tools/get_contact
      +          - tools/get_deal
      +      mcp:write:
      +        includes:
      +          - mcp:read
      +        allow:
      +          - tools/update_contact
      "
    `);
    expect(said.errors).toBe("Replayed: 4 recorded calls are allowed as before\n");
    expect(readFileSync(join(folder, "sallyport.yaml"), "utf8")).toBe(WIDE);
  });

  test("written, it allows each recorded call and nothing that nobody did", async () => {
    const folder = await record(SEEN);
    const path = file(folder);
    expect(await suggest(path, "--write")).toBe(1);
    for (const comment of ["# Ours.", "# contacts", "# everybody", "# never"]) {
      expect(readFileSync(path, "utf8")).toContain(comment);
    }
    // What a rule denied is now denied for another reason.
    const { report: again } = await replay(path, folder);
    expect(again).toMatchObject({
      records: 5,
      unchanged: 4,
      changes: [{ before: "rule", after: "unknown", count: 1 }],
    });
    said.output = "";
    expect(await suggest(path)).toBe(0);
    expect(said.output).toBe("");
    // Every other tool, and everybody of whom nothing was recorded.
    const unseen: Call[] = [
      ...["get_secret", "update_deal", "update_contacts", "get_contact2", "contact"].map((tool) => ({
        who: "alice",
        role: "support",
        tool,
      })),
      ...["get_contact", "update_contact"].flatMap((tool) => [
        { who: "carol", tool },
        { who: "dan", role: "board", tool },
      ]),
    ];
    const { report } = await replay(path, await record(unseen));
    expect(report).toMatchObject({ records: unseen.length, changed: unseen.length });
  });

  test("whoever only read needs the lesser scope only", async () => {
    const folder = await record(SEEN.filter(({ who }) => who === "bob"));
    expect(await suggest(file(folder), "--write")).toBe(1);
    const text = readFileSync(join(folder, "sallyport.yaml"), "utf8");
    expect(text).toMatch(/\{ roles: \[sales\], scopes: \["?mcp:read"?\] \}/);
    expect(await replay(join(folder, "sallyport.yaml"), folder)).toMatchObject({ report: { changed: 0 } });
    const more = await record([{ who: "bob", role: "sales", tool: "update_contact" }]);
    expect(await replay(join(folder, "sallyport.yaml"), more)).toMatchObject({ report: { changed: 1 } });
  });
});

test("a policy with scopes has its globs replaced by what they were used for", async () => {
  const text = WIDE.replace(
    "    rules:",
    "    scopes:\n      'mcp:read': { allow: [tools/get_*, resources/**] }\n      'mcp:write':\n        includes: ['mcp:read']\n        allow:\n          - tools/update_contact # the one\n          - tools/** # all\n    rules:",
  );
  const folder = await record(SEEN);
  expect(await suggest(file(folder, text), "--write")).toBe(1);
  const result = readFileSync(join(folder, "sallyport.yaml"), "utf8");
  expect(result).toMatch(/'mcp:read': \{ allow: \[tools\/get_contact, tools\/get_deal\] \}/);
  expect(result).toContain("          - tools/update_contact # the one\n          # all\n    rules:");
  expect(await replay(join(folder, "sallyport.yaml"), folder)).toMatchObject({ report: { unchanged: 4, changed: 1 } });
});

test("names that no glob can stand for are left out, and said", async () => {
  const folder = await record([...SEEN, { who: "alice", role: "support", tool: "get_*" }]);
  expect(await suggest(file(folder))).toBe(1);
  expect(said.errors).toContain("crm: tools/get_* was called, and no glob can stand for it alone; it is left out.");
  expect(said.errors).toContain("4 recorded calls are allowed as before; 1 would be refused");
});

test("nothing recorded, nothing suggested", async () => {
  const folder = await record([]);
  expect(await suggest(file(folder))).toBe(0);
  expect([said.output, said.errors]).toEqual(["", "crm: nothing was recorded; it stays as it is.\n"]);
  expect(await suggest(file(folder), "--server", "erp")).toBe(2);
});
