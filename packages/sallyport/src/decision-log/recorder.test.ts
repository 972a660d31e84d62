import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UNKNOWN_ARGUMENTS } from "@sallyport/auth";
import { createTestSystem } from "@sallyport/auth/testing";
import { describe, expect, it, vi } from "vitest";
import { commit, createCommitments } from "./commitment.js";
import { LogUnavailable } from "./contract.js";
import { eraseArguments } from "./erase.js";
import { EXPORTS } from "./export.js";
import { listSegments, segmentFile } from "./files.js";
import { openLogFile } from "./log-file.js";
import { readArguments, readHeads, readRecords } from "./read.js";
import { createRedactor } from "./redact.js";
import { applyRetention } from "./retention.js";
import { alice, decided, logFolder, openTestLog, signer, verifySignature } from "./testing/log-folder.js";
import { verifyLog } from "./verify.js";

const check = (folder: string) => verifyLog({ folder, verify: verifySignature });

describe("a record", () => {
  it("holds who asked for what, the answer, and no token", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder);
    const request = decided({ tool: "update_contact", args: { limit: 5 }, id: "call-7", denied: true });
    recorder.record({
      ...request,
      decisionId: "decision-1",
      traceparent: `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`,
    });
    await chain.close();
    const [record] = readRecords(folder);
    expect(record).toMatchObject({
      server: "crm",
      method: "tools/call",
      kind: "tool",
      name: "update_contact",
      decision: "deny",
      denial: "rule",
      rule: "crm.rules[0]",
      decisionId: "decision-1",
      iss: alice.iss,
      sub: "alice",
      client: "assistant",
      session: "session-1",
      token: "token-1",
      actors: [{ sub: "agent" }, { sub: "earlier-agent" }],
      roles: ["support"],
      scopes: "mcp:read",
      entitled: "mcp:write",
      requestId: "call-7",
      trace: "ab".repeat(16),
      latencyUs: 250,
      address: "192.0.2.7",
    });
    expect(record?.arguments).toMatch(/^[\w-]{43}$/);
    expect(readArguments(folder, chain.writer)).toEqual(new Map([[1, { limit: 5 }]]));
  });

  it("that cannot be made takes no other with it, and the chain says that one is missing", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder);
    recorder.record(decided({ tool: "first" }));
    chain.append(() => {
      throw new Error("no words");
    });
    recorder.record(decided({ tool: "last" }));
    await chain.close();
    expect([...readRecords(folder)].map(({ name }) => name)).toEqual(["first", "last"]);
    const text = readFileSync(join(folder, segmentFile(chain.writer, 1, "log")), "utf8");
    expect(text).toMatch(/"type":"gap","time":\d+,"lost":1/);
    expect(check(folder).problems).toEqual([]);
  });

  it("holds what a replay needs besides: what the entitlement was made of, what the catalogue said, and numbers that nobody could read", async () => {
    const folder = logFolder();
    const scopes = new Map([["get_contact", "mcp:read"]]);
    const { chain, recorder } = await openTestLog(folder, { toolScopeOf: (tool) => scopes.get(tool) });
    const { who, body, ...rest } = decided();
    const entitledBy = { names: ["alice", "https://idp.example|7"], allowed: ["mcp:read", "mcp:write"] };
    recorder.record({ ...rest, who: { ...who, entitledBy }, body: { ...body, inexactNumbers: true } });
    scopes.set("get_contact", "mcp:write");
    recorder.record(decided());
    await chain.close();
    const [first, second] = readRecords(folder);
    expect(first).toMatchObject({
      names: ["alice", "https://idp.example|7"],
      allowed: "mcp:read mcp:write",
      toolScope: "mcp:read",
      inexact: true,
    });
    expect(second).toMatchObject({ toolScope: "mcp:write" });
    expect(second).not.toHaveProperty("names");
    expect(second).not.toHaveProperty("inexact");
  });

  it.each([
    ["from the header", "header", { traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-00` }, "1".repeat(32)],
    ["not from a malformed header", "malformed", { traceparent: "00-zz" }, undefined],
  ])("takes the W3C trace id %s", async (_, __, given, trace) => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder);
    recorder.record({ ...decided(), ...given });
    await chain.close();
    expect([...readRecords(folder)].map((record) => record.trace)).toEqual([trace]);
  });

  it("leaves out the query of a resource and cuts long names; its line is ASCII", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder);
    const { judged, ...rest } = decided();
    const named = (kind: "tool" | "resource", name: string) =>
      judged.map(
        ({ call, decision }) => ({ call: { ...call, kind, name, arguments: UNKNOWN_ARGUMENTS }, decision }) as const,
      );
    recorder.record({ ...rest, judged: named("resource", "https://a.example/x?key=secret") });
    recorder.record({ ...rest, judged: named("tool", `\u202e${"x".repeat(5_000)}`) });
    await chain.close();
    const names = [...readRecords(folder)].map(({ name }) => name);
    expect(names).toEqual(["https://a.example/x?…", `\u202e${"x".repeat(254)}…`]);
    const text = readFileSync(join(folder, segmentFile(chain.writer, 1, "log")));
    expect(text.every((byte) => byte < 0x7f)).toBe(true);
  });
});

describe("arguments", () => {
  const system = createTestSystem();
  it.each([
    ["none", { name: "Ada" }, undefined],
    ["full", { name: "Ada", password: "x" }, { name: "Ada", password: "x" }],
  ] as const)("%s: keeps what it says beside the salt, and commits to the arguments", (mode, args, kept) => {
    const made = createCommitments(mode, system)(args);
    const { salt, arguments: found } = JSON.parse(`{${made.kept}}`);
    expect(found).toEqual(kept);
    expect(commit(salt, args)).toBe(made.commitment);
  });

  it("commits to nothing under what is no salt of its own, so that no part of a text can be moved into one", () => {
    expect(commit("x".repeat(24), {})).toMatch(/^[\w-]{43}$/);
    for (const salt of ["", "x".repeat(23), "x".repeat(25), `${"x".repeat(23)}{`])
      expect(commit(salt, {})).toBeUndefined();
  });

  it("redacted: takes out named members, secrets by name and credentials by look, and commits to the rest", () => {
    const redact = createRedactor(["contact.ssn", "rows.*.iban"]);
    const args = {
      contact: { ssn: "123", name: "Ada", apiKey: "k" },
      rows: [{ iban: "DE", sum: 1 }, { sum: 2 }],
      note: "Bearer abc.def",
      text: "eyJhbGciOiJub25lIn0.e30.x",
    };
    const made = createCommitments({ redact }, system)(args);
    const { salt, arguments: kept } = JSON.parse(`{${made.kept}}`);
    expect(kept).toEqual({
      contact: { ssn: "[redacted]", name: "Ada", apiKey: "[redacted]" },
      rows: [{ iban: "[redacted]", sum: 1 }, { sum: 2 }],
      note: "[redacted]",
      text: "[redacted]",
    });
    expect(commit(salt, kept)).toBe(made.commitment);
  });

  it("can be erased while the chain is written, and the chain still verifies", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder);
    for (let id = 0; id < 3; id++) recorder.record(decided({ id, args: { secretive: id } }));
    await chain.durable();
    expect(eraseArguments(folder, ({ seq }) => seq === 2)).toBe(1);
    recorder.record(decided({ args: { later: true } }));
    await chain.close();
    expect([...readArguments(folder, chain.writer).keys()]).toEqual([1, 3, 4]);
    expect(check(folder).problems).toEqual([]);
  });
});

describe("durability", () => {
  it("waits for the disk where a record must be durable before its call, and answers at once for others", async () => {
    const folder = logFolder();
    const log = await openTestLog(folder, { before: ({ name }) => name === "write" });
    expect(log.recorder.record(decided({ tool: "read" }))).toBeUndefined();
    const waiting = log.recorder.record(decided({ tool: "write" }));
    expect(waiting).toBeInstanceOf(Promise);
    await waiting;
    expect([...readRecords(folder)].map(({ name }) => name)).toEqual(["read", "write"]);
    expect(log.recorder.record(decided({ tool: "write", denied: true }))).toBeUndefined();
    await log.chain.close();
  });

  it("keeps one chain whole under 2,000 concurrent writers", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder, { before: () => true, limits: { segmentBytes: 100_000 } });
    await Promise.all(Array.from({ length: 2_000 }, async (_, id) => recorder.record(decided({ id, args: { id } }))));
    await chain.close();
    expect(check(folder)).toMatchObject({ problems: [], chains: [{ records: 2_000, ended: true }] });
  });

  it("makes files that only their owner can read", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder);
    recorder.record(decided({ args: {} }));
    await chain.close();
    for (const { log = "", arguments: kept = "" } of listSegments(folder)) {
      for (const file of [log, kept]) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
  });
});

describe("a full disk", () => {
  /** Takes so many bytes in all, and half of the write that goes beyond. */
  const bounded = (limit: { bytes: number }) => async (path: string) => {
    const file = await openLogFile(path);
    return {
      ...file,
      write: async (bytes: Uint8Array, position: number) => {
        if (bytes.length <= limit.bytes) return file.write(bytes, position);
        await file.write(bytes.subarray(0, bytes.length >> 1), position);
        throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      },
    };
  };

  it("refuses calls, loses no record that was taken, and goes on when there is space again", async () => {
    const folder = logFolder();
    const limit = { bytes: 10_000 };
    const { chain, recorder, system } = await openTestLog(folder, {
      openFile: bounded(limit),
      before: () => true,
      limits: { retryMs: 1 },
    });
    await recorder.record(decided({ id: 1 }));
    expect([chain.lagMs, chain.failure]).toEqual([0, undefined]);
    limit.bytes = 10;
    await expect(recorder.record(decided({ id: 2 }))).rejects.toThrow(LogUnavailable);
    system.advance(3);
    expect([chain.lagMs, chain.failure]).toEqual([3_000, "ENOSPC"]);
    expect(() => recorder.record(decided({ id: 3 }))).toThrow(LogUnavailable);
    limit.bytes = 10_000;
    await chain.durable();
    expect(chain.lagMs).toBe(0);
    await recorder.record(decided({ id: 4 }));
    await chain.close();
    expect([...readRecords(folder)].map(({ requestId }) => requestId)).toEqual([1, 2, 4]);
    expect(check(folder).problems).toEqual([]);
  });

  it("goes on after a next file could not be opened, with nothing lost, though nobody asks meanwhile", async () => {
    const folder = logFolder();
    let opened = 0;
    const { chain, recorder } = await openTestLog(folder, {
      before: () => true,
      limits: { segmentBytes: 1, retryMs: 1 },
      openFile: (path) => {
        opened += 1;
        if (opened === 2 || opened === 3) throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
        return openLogFile(path);
      },
    });
    await expect(recorder.record(decided({ id: 1 }))).rejects.toThrow(LogUnavailable);
    await vi.waitFor(() => expect(chain.failure).toBeUndefined());
    await recorder.record(decided({ id: 2 }));
    await chain.close();
    expect([...readRecords(folder)].map(({ requestId }) => requestId)).toEqual([1, 2]);
    expect(check(folder).problems).toEqual([]);
  });

  it("lets calls through when told to, and says how many", async () => {
    const folder = logFolder();
    const limit = { bytes: 10_000 };
    const log: Awaited<ReturnType<typeof openTestLog>> = await openTestLog(folder, {
      openFile: bounded(limit),
      before: () => true,
      onLost: (records) => log.chain.lose(records),
    });
    limit.bytes = 10;
    await log.recorder.record(decided({ id: 1 }));
    expect(log.recorder.record(decided({ id: 2 }))).toBeUndefined();
    limit.bytes = 10_000;
    await log.chain.durable();
    await log.chain.close();
    expect(check(folder)).toMatchObject({ problems: [], chains: [{ records: 1, lost: 1 }] });
  });
});

describe("a log that somebody removes or moves while it is written", () => {
  it("is written again whole where it belongs when its file was moved away", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder, { before: () => true });
    await recorder.record(decided({ id: 1 }));
    for (const name of readdirSync(folder)) renameSync(join(folder, name), join(folder, `${name}.1`));
    await recorder.record(decided({ id: 2 }));
    await recorder.record(decided({ id: 3 }));
    await chain.close();
    expect([...readRecords(folder)].map(({ requestId }) => requestId)).toEqual([1, 2, 3]);
    expect(check(folder).problems).toEqual([]);
  });

  it("refuses calls while another file is in its place, and says so", async () => {
    const folder = logFolder();
    const { chain, recorder, system } = await openTestLog(folder, { before: () => true, limits: { retryMs: 1 } });
    await recorder.record(decided({ id: 1 }));
    const path = join(folder, listSegments(folder)[0]?.log ?? "");
    renameSync(path, `${path}.1`);
    writeFileSync(path, "");
    await expect(recorder.record(decided({ id: 2 }))).rejects.toThrow(LogUnavailable);
    const because = "another file is in the place of the one that is written";
    expect(system.lines).toContainEqual(expect.objectContaining({ fields: { code: "EEXIST", because, folder } }));
    rmSync(path);
    await vi.waitFor(() => expect(chain.failure).toBeUndefined());
    await chain.close();
    expect([...readRecords(folder)].map(({ requestId }) => requestId)).toEqual([1, 2]);
    expect(check(folder).problems).toEqual([]);
  });

  it("is written again whole, in its place, and arguments that were removed stay away", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder, { before: () => true });
    await recorder.record(decided({ id: 1, args: { contact: 1 } }));
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    await recorder.record(decided({ id: 2, args: { contact: 2 } }));
    expect([...readRecords(folder)].map(({ requestId }) => requestId)).toEqual([1, 2]);
    await chain.close();
    expect(check(folder).problems).toEqual([]);
    const [segment, ...more] = listSegments(folder);
    expect([segment?.log, segment?.arguments, more]).toEqual([expect.any(String), undefined, []]);
  });

  it("refuses calls while its folder is gone, says why, and goes on with nothing lost when it is back", async () => {
    const folder = join(logFolder(), "decisions");
    mkdirSync(folder);
    const { chain, recorder, system } = await openTestLog(folder, { before: () => true, limits: { retryMs: 1 } });
    await recorder.record(decided({ id: 1 }));
    rmSync(folder, { recursive: true });
    await expect(recorder.record(decided({ id: 2 }))).rejects.toThrow(LogUnavailable);
    expect(() => recorder.record(decided({ id: 3 }))).toThrow(LogUnavailable);
    expect(system.lines).toContainEqual(
      expect.objectContaining({ fields: { code: "ENOENT", because: "its folder is not there", folder } }),
    );
    mkdirSync(folder);
    await vi.waitFor(() => expect(chain.failure).toBeUndefined());
    await recorder.record(decided({ id: 4 }));
    await chain.close();
    expect([...readRecords(folder)].map(({ requestId }) => requestId)).toEqual([1, 2, 4]);
    expect(check(folder).problems).toEqual([]);
  });
});

describe("retention", () => {
  it("removes whole old segments, leaves signed tombstones, and the rest still verifies", async () => {
    const folder = logFolder();
    const { chain, recorder, system } = await openTestLog(folder, { limits: { segmentBytes: 1 } });
    for (let id = 0; id < 3; id++) {
      recorder.record(decided({ id, args: { id } }));
      await chain.durable();
    }
    const segments = listSegments(folder).length;
    const retention = { folder, signer, days: 30 };
    expect(applyRetention({ ...retention, now: system.now() + 29 * 86_400 })).toBe(0);
    system.advance(31 * 86_400);
    recorder.record(decided({ id: 3 }));
    await chain.durable();
    const removed = applyRetention({ ...retention, now: system.now() });
    expect(removed).toBeGreaterThanOrEqual(segments - 1);
    await chain.close();
    expect(check(folder).problems).toEqual([]);
    expect([...readRecords(folder)].map(({ requestId }) => requestId)).toEqual([3]);
    const { rmSync } = await import("node:fs");
    const tombstone = listSegments(folder).find((files) => files.removed !== undefined)?.removed ?? "";
    rmSync(join(folder, tombstone));
    expect(check(folder).problems).toMatchObject([{ kind: "removed", first: 0 }]);
  });
});

describe("a quiet chain", () => {
  it("is signed when asked for, records or not, so that retention never takes it for an abandoned one", async () => {
    const folder = logFolder();
    const { chain, system } = await openTestLog(folder);
    system.advance(31 * 86_400);
    await chain.checkpoint();
    expect(applyRetention({ folder, signer, days: 30, now: system.now() })).toBe(0);
    await chain.close();
    expect(check(folder)).toMatchObject({ problems: [], chains: [{ removed: 0, ended: true }] });
  });
});

describe("export", () => {
  it("writes JSON lines, OCSF API Activity, and CEF with its separators escaped", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder);
    recorder.record(decided({ tool: "a=b|c\\d\ne", denied: true }));
    await chain.close();
    const [record] = readRecords(folder);
    if (record === undefined) throw new Error("no record");
    expect(JSON.parse(EXPORTS.jsonl(record, "1.0"))).toEqual(record);
    expect(JSON.parse(EXPORTS.ocsf(record, "1.0"))).toMatchObject({
      class_uid: 6003,
      type_uid: 600_399,
      action_id: 2,
      actor: { user: { uid: "alice" }, app_uid: "assistant" },
      api: { operation: "tools/call", service: { name: "crm" } },
      resources: [{ type: "tool", name: "a=b|c\\d\ne" }],
    });
    const cef = EXPORTS.cef(record, "1.0");
    expect(cef).toMatch(/^CEF:0\|Sallyport\|Sallyport\|1\.0\|deny:rule\|tools\/call denied\|6\|rt=\d+ act=deny /);
    expect(cef).toContain("cs4Label=tool cs4=a\\=b|c\\\\d\\ne ");
    expect(cef).not.toContain("\n");
  });

  it("names heads that a witness can keep", async () => {
    const folder = logFolder();
    const { chain } = await openTestLog(folder);
    await chain.close();
    expect(readHeads(folder)).toEqual([chain.head]);
  });
});
