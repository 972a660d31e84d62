import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventFilter } from "./event-filter.js";

const shout = (data: string) => (data === "quiet" ? undefined : data.toUpperCase());
const filter = (max = 1_000) => new EventFilter(shout, max);
const whole = (text: string) => filter().push(Buffer.from(text)).toString();

const CASES: readonly { what: string; from: string; to: string }[] = [
  { what: "data is replaced", from: "data: a\n\n", to: "data: A\n\n" },
  {
    what: "other fields stay",
    from: "id: 1\nevent: message\ndata: a\nretry: 5\n\n",
    to: "id: 1\nevent: message\nretry: 5\ndata: A\n\n",
  },
  { what: "several data lines are one text", from: "data: a\ndata:b\n\n", to: "data: A\ndata: B\n\n" },
  { what: "what is left alone keeps its bytes", from: "data:quiet\r\n\r\n", to: "data:quiet\r\n\r\n" },
  { what: "an event without data keeps its bytes", from: "id: 4\r\rretry: 3\n\n", to: "id: 4\r\rretry: 3\n\n" },
  { what: "a byte order mark before the first line hides no data", from: "\uFEFFdata: a\n\n", to: "data: A\n\n" },
  { what: "an event that never ends is not passed on", from: "data: a\n", to: "" },
];

describe("data in an event stream", () => {
  test.each(CASES)("$what", ({ from, to }) => {
    expect(whole(from)).toBe(to);
  });

  test("is replaced wherever the stream is cut into chunks", () => {
    const line = fc.constantFrom("data: a", "data: quiet", "data", "id: 1", ": c", "", "");
    const end = fc.constantFrom("\n", "\r\n");
    const stream = fc.array(fc.tuple(line, end)).map((lines) => lines.flat().join(""));
    fc.assert(
      fc.property(stream, fc.array(fc.nat(60), { maxLength: 8 }), (text, cuts) => {
        const bytes = Buffer.from(text);
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const cut = filter();
        const parts = at.slice(1).map((to, index) => cut.push(bytes.subarray(at[index], to)));
        expect(Buffer.concat(parts).toString()).toBe(whole(text));
      }),
    );
  });

  test("does not hold back comments between events", () => {
    const events = filter();
    expect(events.push(Buffer.from(": keep-alive\n")).toString()).toBe(": keep-alive\n");
    expect(events.push(Buffer.from("\n:\n\ndata: a\n")).toString()).toBe("\n:\n\n");
    expect(events.push(Buffer.from("\n")).toString()).toBe("data: A\n\n");
  });

  test("larger than the bound is refused", () => {
    const events = filter(100);
    events.push(Buffer.from(`data: ${"x".repeat(80)}`));
    expect(() => events.push(Buffer.from("x".repeat(80)))).toThrow(RangeError);
  });
});
