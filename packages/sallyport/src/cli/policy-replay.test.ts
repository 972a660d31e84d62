import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decided, logFolder, openTestLog } from "../decision-log/testing/log-folder.js";
import { main } from "./main.js";
import { keepOutput } from "./testing/kept-output.js";

const POLICY = (rules: string) => `publicUrl: https://mcp.example.com
log: { folder: . }
servers:
  crm:
    upstream: http://127.0.0.1:9001/mcp
    access: [{ roles: [support], scopes: ["mcp:write"] }]
    rules: [${rules}]
`;

const said = keepOutput();

/** A log of the system's own time: a read, ten updates of which three are high, and one that was denied. */
async function recordedFolder(): Promise<{ readonly folder: string; readonly time: number; readonly writer: string }> {
  const folder = logFolder();
  const { chain, recorder, system } = await openTestLog(folder, {
    toolScopeOf: (tool) => (tool === "get_contact" ? "mcp:read" : "mcp:write"),
  });
  const ask = (call: Parameters<typeof decided>[0]) => {
    const { who, ...rest } = decided(call);
    const principal = { ...who.principal, scopes: ["mcp:write"] };
    recorder.record({ ...rest, who: { ...who, principal, entitledBy: { names: ["alice"], allowed: [] } } });
  };
  ask({ tool: "get_contact", args: { id: 1 } });
  for (let n = 1; n <= 10; n++) ask({ tool: "update_contact", args: { credit_limit: n * 1_000, password: "x" } });
  ask({ tool: "delete_contact", denied: true });
  await chain.close();
  return { folder, time: system.now(), writer: chain.writer };
}

const replay = (folder: string, rules: string, ...flags: string[]) => {
  const file = join(folder, "new.yaml");
  writeFileSync(file, POLICY(rules));
  return main(["policy", "replay", file, ...flags]);
};

test("a file that decides as it was decided changes nothing: exit code 0", async () => {
  const { folder } = await recordedFolder();
  expect(await replay(folder, "{ deny: tools/delete_* }")).toBe(0);
  expect(said.output).toBe("12 replayed with new.yaml: 0 would change, 12 would not.\n");
});

test("says which calls of whom would change, by which rule, and an example that `log show` finds", async () => {
  const { folder, writer } = await recordedFolder();
  expect(
    await replay(
      folder,
      "{ deny: tools/delete_* }, { deny: tools/update_*, when: args.credit_limit > 7000, because: Limits above 7 000 are set by finance. }",
    ),
  ).toBe(1);
  expect(said.output).toContain("would be refused");
  expect(said.output).toContain(
    "3 × crm tools/update_contact: allowed → denied, by crm.rules[1]@new.yaml:7: the condition of this deny rule holds: “Limits above 7 000 are set by finance.”",
  );
  expect(said.output).toContain(`alice (3)`);
  expect(said.output).toContain("3 would change, 9 would not.");
  const example = new RegExp(`${writer}:\\d+`).exec(said.output)?.[0] ?? "";
  said.output = "";
  expect(await main(["log", "show", example, "--folder", folder])).toBe(0);
  expect(JSON.parse(said.output)).toMatchObject({ name: "update_contact", keptArguments: { credit_limit: 8_000 } });
});

test("says what would be allowed, as JSON too", async () => {
  const { folder, writer, time } = await recordedFolder();
  expect(await replay(folder, "", "--json")).toBe(1);
  expect(JSON.parse(said.output)).toMatchObject({
    records: 12,
    unchanged: 11,
    changed: 1,
    undecidable: 0,
    changes: [
      {
        server: "crm",
        target: "tools/delete_contact",
        before: "rule",
        after: "allow",
        rule: "scope:mcp:write",
        count: 1,
        callers: { alice: 1 },
        first: time,
        examples: [`${writer}:12`],
      },
    ],
    open: [],
  });
});

test("counts what depends on arguments that were erased, and with --strict that is not nothing", async () => {
  const { folder, writer } = await recordedFolder();
  expect(await main(["log", "erase", "--sub", "alice", "--folder", folder])).toBe(0);
  const rules = "{ deny: tools/delete_* }, { deny: tools/update_*, when: args.credit_limit > 7000 }";
  expect(await replay(folder, rules)).toBe(0);
  expect(said.output).toContain("10 × crm tools/update_contact: allowed → undecidable, by crm.rules[1]@new.yaml:7");
  expect(said.output).toContain("0 would change, 2 would not, 10 cannot be decided.");
  expect(readFileSync(join(folder, `${writer}.000001.arguments.jsonl`), "utf8").trim()).toBe("");
  expect(await replay(folder, rules, "--strict")).toBe(1);
});

test("tells what rules in record mode would refuse, and with --enforce they do", async () => {
  const { folder } = await recordedFolder();
  const rules = "{ deny: tools/delete_* }, { deny: tools/update_*, mode: record }";
  expect(await replay(folder, rules)).toBe(0);
  expect(said.output).toContain("would be refused by rules in record mode, which change nothing yet");
  expect(said.output).toContain("10 × crm tools/update_contact");
  said.output = "";
  expect(await replay(folder, rules, "--enforce")).toBe(1);
  expect(said.output).toContain("10 would change, 2 would not.");
});

test("looks at what happened since a time only", async () => {
  const { folder, time } = await recordedFolder();
  const later = new Date((time + 1) * 1000).toISOString();
  expect(await replay(folder, "{ deny: tools/** }", "--since", later)).toBe(0);
  expect(said.output).toContain("0 replayed");
});

test.each([
  ["a broken file", "{ deny: tools/**, when: arg.x == 1 }", [], "unknown name"],
  ["a log that is not there", "", ["--folder", "/nowhere/at-all"], "there is no decision log"],
  ["a time that is none", "", ["--since", "yesterday"], "write a time such as"],
] as const)("exit code 2 for %s", async (_, rules, flags, says) => {
  const { folder } = await recordedFolder();
  expect(await replay(folder, rules, ...flags)).toBe(2);
  expect(said.errors).toContain(says);
});
