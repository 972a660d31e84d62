import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { EXPORTS } from "./export.js";
import { formatOtlp } from "./otlp.js";
import type { ReadRecord } from "./read.js";
import { formatSyslog, frameOctets } from "./syslog.js";

const record: ReadRecord = {
  writer: "1800000000-0123456789abcdef",
  seq: 7,
  type: "decision",
  time: 1_800_000_000,
  server: "crm",
  method: "tools/call",
  kind: "tool",
  name: "update_contact",
  revision: "2025-11-25",
  decision: "deny",
  denial: "rule",
  rule: "crm.rules[0]@sallyport.yaml:7",
  reason: "deny rule applies",
  iss: "https://mcp.example.com",
  sub: "u-1",
  client: "app",
  names: ["alice"],
  roles: ["support"],
  scopes: "mcp:write",
  entitled: "mcp:write",
  http: "POST",
  address: "192.0.2.7",
  requestId: 3,
  trace: "ab".repeat(16),
  latencyUs: 250,
};

/** Everything that a caller, a client or a server can choose. */
const hostile = fc
  .record({
    name: fc.string({ unit: "binary" }),
    rule: fc.string({ unit: "binary" }),
    reason: fc.string({ unit: "binary" }),
    sub: fc.string({ unit: "binary" }),
    client: fc.constantFrom(
      "a=b|c",
      "x cs1=forged act=allow",
      "\\",
      "a\\|b",
      "\n<13>1 forged",
      "\u2028",
      "\u0085",
      "😀",
    ),
  })
  .map((over): ReadRecord => ({ ...record, ...over }));

describe("CEF", () => {
  /** By the grammar of ArcSight's "Implementing CEF", written anew: a field ends at an unescaped `|`, a value before an unescaped ` key=`. */
  function parseCef(line: string): {
    readonly head: readonly string[];
    readonly extension: ReadonlyMap<string, string>;
  } {
    const head: string[] = [];
    let field = "";
    let at = 0;
    for (; head.length < 7; at++) {
      const unit = line[at];
      if (unit === undefined) throw new Error("the head ends too early");
      if (unit === "\\") field += line[++at];
      else if (unit === "|") {
        head.push(field);
        field = "";
      } else field += unit;
    }
    const starts = [...line.slice(at).matchAll(/(?:^| )([A-Za-z0-9]+)=/g)].filter(({ index, 0: found }) => {
      const equals = at + index + found.length - 1;
      return /(?:^|[^\\])(?:\\\\)*$/.test(line.slice(0, equals));
    });
    const values = starts.map((start, index) => {
      const from = at + start.index + start[0].length;
      const to = starts[index + 1];
      const text = line.slice(from, to === undefined ? line.length : at + to.index);
      return [
        start[1] ?? "",
        text.replace(/\\([\\=rn])/g, (_, unit) => ({ r: "\r", n: "\n" })[unit as string] ?? unit),
      ] as const;
    });
    return { head, extension: new Map(values) };
  }
  const shown = (text: string) => text.replace(/[^\P{Cc}\r\n]|[\p{Cs}\u2028\u2029]/gu, "\ufffd");

  test("whatever is in a record, it reads back as that and as nothing else", () => {
    fc.assert(
      fc.property(hostile, (one) => {
        const line = EXPORTS.cef(one, "1.0");
        expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        const { head, extension } = parseCef(line);
        expect(head).toEqual(["CEF:0", "Sallyport", "Sallyport", "1.0", "deny:rule", "tools/call denied", "6"]);
        expect([...extension.keys()]).toEqual([
          ...["rt", "act", "outcome", "reason", "suid", "src", "requestMethod", "externalId", "cs1Label", "cs1"],
          ...["cs2Label", "cs2", "cs3Label", "cs3", "cs4Label", "cs4", "cs5Label", "cs5", "cs6Label", "cs6"],
        ]);
        const texts = { act: "deny", cs1: one.rule, cs2: one.client, cs4: one.name, reason: one.reason, suid: one.sub };
        for (const [key, text] of Object.entries(texts)) expect(extension.get(key)).toBe(shown(text ?? ""));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("OCSF API Activity (6003)", () => {
  /** `requirement: required` of the class and of what it extends, in the published schema (ocsf/ocsf-schema, 1.3.0). */
  const REQUIRED = [
    "activity_id",
    "actor",
    "api",
    "category_uid",
    "class_uid",
    "metadata",
    "severity_id",
    "src_endpoint",
    "time",
    "type_uid",
  ];
  const cases: readonly (readonly [what: string, over: Partial<ReadRecord>])[] = [
    ["a denied tool call", {}],
    ["an allowed read", { decision: "allow", kind: "resource", method: "resources/read", name: "file:///x" }],
    ["a listing", { decision: "allow", kind: "protocol", method: "tools/list" }],
    ["a step-up", { denial: "scope", missing: ["mcp:write"] }],
  ];
  test.each(cases)("%s has the shape of the published class", (_, over) => {
    const { name: _name, requestId: _id, address: _address, ...bare } = { ...record, ...over };
    for (const one of [{ ...record, ...over }, bare as ReadRecord]) {
      const event = JSON.parse(EXPORTS.ocsf(one, "1.0"));
      for (const name of REQUIRED) expect(event).toHaveProperty(name);
      expect(event.class_uid).toBe(6003);
      expect(event.category_uid).toBe(6);
      expect([0, 1, 2, 3, 4, 99]).toContain(event.activity_id);
      expect(event.type_uid).toBe(event.class_uid * 100 + event.activity_id);
      expect([0, 1, 2, 3, 4, 5, 6, 99]).toContain(event.severity_id);
      expect([0, 1, 2, 99]).toContain(event.status_id);
      // Profile security_control: allowed or denied; a disposition that conforms to it.
      expect([event.action_id, event.disposition_id]).toEqual(one.decision === "allow" ? [1, 1] : [2, 2]);
      expect(event.time).toBe(1_800_000_000_000);
      expect(event.metadata).toMatchObject({ version: "1.3.0", product: { vendor_name: "Sallyport" } });
      expect(typeof event.api.operation).toBe("string");
      // Objects: at least one of what the schema names for each.
      expect(["user", "app_uid", "session"].some((name) => name in event.actor)).toBe(true);
      if (event.api.request !== undefined) expect(event.api.request.uid).toMatch(/./);
      expect(event.src_endpoint).toHaveProperty("ip");
      for (const resource of event.resources ?? []) expect(resource).toMatchObject({ name: expect.any(String) });
    }
  });
});

describe("syslog", () => {
  /** RFC 5424 §6: PRI VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA SP MSG. */
  const MESSAGE =
    /^<(\d{1,3})>1 \d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z [!-~]{1,255} sallyport \d{1,128} (allow|deny) - (\ufeff?)(.*)$/su;
  const from = { host: "my host\u202e", pid: 42 };

  it.each([
    ["allowed", { decision: "allow" as const }, 13 * 8 + 6],
    ["a step-up", { denial: "scope" as const }, 13 * 8 + 5],
    ["refused by a rule", {}, 13 * 8 + 4],
  ])("%s has its priority", (_, over, priority) => {
    const [, said] = MESSAGE.exec(formatSyslog({ ...record, ...over }, "text", from)) ?? [];
    expect(Number(said)).toBe(priority);
  });

  it("keeps its form whatever is in a record, marks UTF-8, and its frames read back one by one", () => {
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 4 }), (records) => {
        const messages = records.map((one) => formatSyslog(one, EXPORTS.cef(one, "1.0"), from));
        for (const message of messages) {
          const [, , , mark, text = ""] = MESSAGE.exec(message) ?? expect.unreachable(message);
          expect(mark !== "").toBe(/[^\0-\x7e]/.test(text));
        }
        let rest = Buffer.concat(messages.map(frameOctets));
        for (const message of messages) {
          const space = rest.indexOf(" ");
          const length = Number(rest.toString("latin1", 0, space));
          expect(rest.toString("utf8", space + 1, space + 1 + length)).toBe(message);
          rest = rest.subarray(space + 1 + length);
        }
        expect(rest).toHaveLength(0);
      }),
      { numRuns: 300 },
    );
  });
});

it("OTLP has one log record each, with 64-bit times as texts and the trace id in hexadecimal", () => {
  const { resourceLogs } = JSON.parse(formatOtlp([{ record, text: "line" }], { version: "1.0", host: "h" }));
  expect(resourceLogs[0].resource.attributes[0]).toEqual({ key: "service.name", value: { stringValue: "sallyport" } });
  expect(resourceLogs[0].scopeLogs[0].logRecords).toMatchObject([
    {
      timeUnixNano: "1800000000000000000",
      severityNumber: 13,
      severityText: "WARN",
      body: { stringValue: "line" },
      traceId: "ab".repeat(16),
    },
  ]);
  const { attributes } = resourceLogs[0].scopeLogs[0].logRecords[0];
  expect(attributes).toContainEqual({ key: "gen_ai.tool.name", value: { stringValue: "update_contact" } });
  expect(attributes.map(({ key }: { key: string }) => key)).not.toContain("mcp.resource.uri");
});
