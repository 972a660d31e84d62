import { system } from "@sallyport/auth";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endToEndHeaders } from "./hop-by-hop.js";
import { editLine, elementSpans, memberSpans, spanAt, valueSpan } from "./json-span.js";
import { readMessages } from "./messages.js";
import { LineSplitter } from "./ndjson.js";
import { Replay } from "./replay.js";
import { RequestStates } from "./request-state.js";
import { formatEvent, readEvents } from "./sse.js";

/** Any JSON value as text, with blanks and line breaks of all kinds between its tokens. */
const json = fc
  .tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t", "\r\n".slice(0, 1), "  "))
  .map(([value, indent]) => JSON.stringify(value, undefined, indent));

/** Cuts bytes where the numbers say. */
function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe("spans in JSON text", () => {
  const parse = (text: Buffer, span: { start: number; end: number }) =>
    JSON.parse(text.toString("utf8", span.start, span.end));

  it("are those of the members and elements that JSON.parse sees", () => {
    fc.assert(
      fc.property(json, fc.constantFrom("", " \n", "\t\r"), (text, blank) => {
        const bytes = Buffer.from(blank + text + blank);
        const root = valueSpan(bytes);
        const value = JSON.parse(text);
        expect(parse(bytes, root)).toEqual(value);
        if (Array.isArray(value)) expect(elementSpans(bytes, root).map((span) => parse(bytes, span))).toEqual(value);
        else if (typeof value === "object" && value !== null) {
          const members = [...memberSpans(bytes, root)].map(([key, span]) => [key, parse(bytes, span)] as const);
          expect(members).toEqual(Object.entries(value).sort(([a], [b]) => orderIn(members, a) - orderIn(members, b)));
        }
      }),
    );
  });

  const orderIn = (members: readonly (readonly [string, unknown])[], key: string) =>
    members.findIndex(([name]) => name === key);

  it("take the last of duplicate keys, and decode escapes in them", () => {
    const bytes = Buffer.from('{"a":1,"\\u0061":{"b":[2]}}');
    expect(parse(bytes, spanAt(bytes, ["a", "b"]) ?? { start: 0, end: 0 })).toEqual([2]);
    expect(spanAt(bytes, ["a", "b", "c"])).toBeUndefined();
    expect(spanAt(bytes, ["x"])).toBeUndefined();
  });

  it("can be edited without touching another byte, on one line", () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        const text = `{"before": ${before},\r\n "id": 1,\n"after":${after}}`;
        const bytes = Buffer.from(text);
        const span = spanAt(bytes, ["id"]);
        if (span === undefined) throw new Error("no id");
        const line = editLine(bytes, [{ ...span, text: '"new"' }]);
        expect(line.toString()).not.toMatch(/[\r\n]/);
        expect(line.toString()).toBe(text.replace(/"id": 1(?=,\n"after":)/, '"id": "new"').replace(/[\r\n]/g, " "));
      }),
    );
  });
});

describe("messages", () => {
  const kinds: readonly [string, string | undefined][] = [
    ['{"jsonrpc":"2.0","id":1,"method":"m"}', "request"],
    ['{"jsonrpc":"2.0","method":"m"}', "notification"],
    ['{"jsonrpc":"2.0","id":"a","result":{}}', "response"],
    ['{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}', "response"],
    ['{"jsonrpc":"2.0","id":1}', undefined],
    ['{"method":1}', undefined],
    ['"text"', undefined],
    ["[]", undefined],
    ["null", undefined],
  ];
  it.each(kinds)("%s is a %s", (text, type) => {
    expect(readMessages(Buffer.from(text))[0]?.type).toBe(type);
  });

  it("name ids only where the protocol has them", () => {
    const text =
      '{"method":"tools/call","id":1,"params":{"progressToken":2,"requestId":3,"_meta":{"progressToken":4}}}';
    const [message] = readMessages(Buffer.from(text));
    expect([message?.progressToken, message?.requestId, message?.subscriptionId]).toEqual(["4", undefined, undefined]);
  });

  it("of anything that JSON.parse accepts are read without an exception", () => {
    fc.assert(
      fc.property(json, (text) => {
        expect(() => readMessages(Buffer.from(text))).not.toThrow();
      }),
    );
  });
});

describe("lines", () => {
  it("are the same however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.nat()), (texts, cuts) => {
        const lines = texts.map((text) => text.replaceAll("\n", ""));
        const splitter = new LineSplitter(1_000_000);
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const seen = chunksOf(bytes, cuts).flatMap((chunk) => [...splitter.push(chunk)].map(String));
        expect(seen).toEqual(lines.filter((line) => line !== ""));
      }),
    );
  });

  it("have a bound, also over many chunks", () => {
    const splitter = new LineSplitter(10);
    expect([...splitter.push(Buffer.from("12345"))]).toEqual([]);
    expect(() => [...splitter.push(Buffer.from("678901"))]).toThrow("more than 10 bytes");
  });
});

describe("server-sent events", () => {
  async function read(chunks: readonly Buffer[], maxBytes = 1_000_000): Promise<string[]> {
    const seen: string[] = [];
    async function* stream() {
      yield* chunks;
    }
    for await (const data of readEvents(stream(), maxBytes)) seen.push(data);
    return seen;
  }

  it("are read back as written, however the bytes are cut", async () => {
    const events = fc.array(fc.tuple(fc.jsonValue(), fc.boolean()));
    await fc.assert(
      fc.asyncProperty(events, fc.array(fc.nat()), async (values, cuts) => {
        const texts = values.map(([value]) => JSON.stringify(value));
        const bytes = Buffer.concat(
          values.map(([, id], at) => formatEvent(Buffer.from(texts[at] ?? ""), id ? `1-${at}` : undefined)),
        );
        expect(await read(chunksOf(bytes, cuts))).toEqual(texts);
      }),
    );
  });

  it.each([
    ["lines that end in CR or CRLF", "data: 1\r\rdata: 2\r\n\r\n", ["1", "2"]],
    ["data over several lines", "data: [\ndata:1]\n\n", ["[\n1]"]],
    ["comments, ids, retries and priming events", ": hi\n\nid: 1\nretry: 5\ndata: \n\nevent: x\ndata: 3\n\n", ["3"]],
    ["an event cut off by the end", "data: 1\n\ndata: 2\n", ["1"]],
  ])("are read past %s", async (_what, text, expected) => {
    expect(await read([Buffer.from(text)])).toEqual(expected);
  });

  it("have a bound each, not in sum", async () => {
    const event = Buffer.from(`data: ${"x".repeat(80)}\n\n`);
    expect(await read(Array(20).fill(event), 100)).toHaveLength(20);
    await expect(read([Buffer.from(`data: ${"x".repeat(200)}`)], 100)).rejects.toMatchObject({ kind: "protocol" });
  });
});

describe("the replay buffer", () => {
  it("gives the events of one stream after one of them, in order", () => {
    const replay = new Replay({ events: 10, bytes: 1_000 });
    const ids = [1, 2, 1, 2, 1].map((stream, at) => replay.record(stream, Buffer.from(String(at))));
    expect(ids).toEqual(["1-1", "2-2", "1-3", "2-4", "1-5"]);
    expect(replay.after(1, 1).map(({ id, line }) => [id, line.toString()])).toEqual([
      ["1-3", "2"],
      ["1-5", "4"],
    ]);
  });

  it("keeps no more events and bytes than it may", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 50 })), (sizes) => {
        const replay = new Replay({ events: 5, bytes: 100 });
        for (const size of sizes) replay.record(1, Buffer.alloc(size));
        const kept = replay.after(1, 0);
        expect(kept.length).toBeLessThanOrEqual(5);
        expect(kept.reduce((sum, { line }) => sum + line.length, 0)).toBeLessThanOrEqual(100);
        expect(kept.map(({ line }) => line.length)).toEqual(sizes.slice(sizes.length - kept.length));
      }),
    );
  });

  it("knows the ids that it gave, and reads no others without an exception", () => {
    const replay = new Replay({ events: 5, bytes: 100 });
    replay.record(3, Buffer.from("x"));
    expect(replay.parse("3-1")).toEqual({ stream: 3, sequence: 1 });
    expect(replay.parse("3-2")).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), (id) => {
        expect(() => replay.parse(id)).not.toThrow();
      }),
    );
  });
});

describe("request states", () => {
  it("open for the principal they were bound to, and as they were bound, only", () => {
    const states = new RequestStates(system);
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), fc.string(), (value, mine, other) => {
        const state = JSON.stringify(value);
        const bound = states.bind(state, mine);
        expect(states.open(bound, mine)).toBe(state);
        expect(states.open(bound, `${mine}x`)).toBeUndefined();
        if (other !== mine) expect(states.open(bound, other)).toBeUndefined();
        expect(states.open(JSON.stringify(`${JSON.parse(bound)} `), mine)).toBeUndefined();
        expect(states.open(state, mine)).toBeUndefined();
        expect(new RequestStates(system).open(bound, mine)).toBeUndefined();
      }),
    );
  });
});

describe("headers", () => {
  it("of the connection stay behind, and those that Connection names (RFC 9110 §7.6.1)", () => {
    const kept = endToEndHeaders({
      connection: "Keep-Alive, X-Own",
      "x-own": "1",
      te: "trailers",
      upgrade: "h2c",
      accept: "a",
      "set-cookie": ["b"],
    });
    expect(kept).toEqual({ accept: "a", "set-cookie": ["b"] });
  });
});
