import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventIds } from "./event-ids.js";

const rewriter = () => new EventIds((id) => `<${id}>`);
const whole = (text: string) => rewriter().push(Buffer.from(text)).toString();

const CASES: readonly { what: string; from: string; to: string }[] = [
  { what: "an id", from: "id: 7\ndata: x\n\n", to: "id: <7>\ndata: x\n\n" },
  { what: "an id without space", from: "id:7\n\n", to: "id: <7>\n\n" },
  { what: "one space only belongs to the field", from: "id:  7\n\n", to: "id: < 7>\n\n" },
  { what: "CRLF stays CRLF", from: "id: 7\r\ndata: x\r\n\r\n", to: "id: <7>\r\ndata: x\r\n\r\n" },
  { what: "CR alone ends a line", from: "data: x\rid: 7\r\r", to: "data: x\rid: <7>\r\r" },
  { what: "an empty id resets", from: "id:\nid\n\n", to: "id:\nid\n\n" },
  { what: "an id in data is data", from: "data: id: 7\n\n", to: "data: id: 7\n\n" },
  { what: "a field that begins like it", from: "idea: 7\nid2: 8\n\n", to: "idea: 7\nid2: 8\n\n" },
  { what: "comments and retry", from: ": keep-alive\n\nretry: 10\n\n", to: ": keep-alive\n\nretry: 10\n\n" },
];

describe("ids in an event stream", () => {
  test.each(CASES)("$what", ({ from, to }) => {
    expect(whole(from)).toBe(to);
  });

  test("are rewritten wherever the stream is cut into chunks, and nothing else changes", () => {
    const line = fc.constantFrom("id: 1", "id:22", "id", "id:", "data: id: 3", "data", ": c", "i", "x: é", "");
    const end = fc.constantFrom("\n", "\r\n", "\r");
    const stream = fc.array(fc.tuple(line, end)).map((lines) => lines.flat().join(""));
    fc.assert(
      fc.property(stream, fc.array(fc.nat(40), { maxLength: 6 }), (text, cuts) => {
        const bytes = Buffer.from(text);
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const ids = rewriter();
        const parts = at.slice(1).map((to, index) => ids.push(bytes.subarray(at[index], to)));
        const expected = text.replace(/(^|\r\n|\n|\r)id: ?([^\r\n]+)(?=\r|\n)/g, "$1id: <$2>");
        expect(Buffer.concat(parts).toString()).toBe(expected);
      }),
    );
  });

  test("hold nothing back that cannot become an id: a keep-alive leaves at once, half a data line too", () => {
    const ids = rewriter();
    expect(ids.push(Buffer.from(":")).toString()).toBe(":");
    expect(ids.push(Buffer.from("\ndata: half")).toString()).toBe("\ndata: half");
    expect(ids.push(Buffer.from(" of it\ni")).toString()).toBe(" of it\n");
    expect(ids.push(Buffer.from("d: 7")).toString()).toBe("");
    expect(ids.push(Buffer.from("8\n")).toString()).toBe("id: <78>\n");
  });

  test("without end are refused", () => {
    const ids = rewriter();
    expect(() => {
      for (let count = 0; count < 20; count++)
        ids.push(Buffer.from(`${count === 0 ? "id: " : ""}${"x".repeat(1_000)}`));
    }).toThrow(RangeError);
  });
});
