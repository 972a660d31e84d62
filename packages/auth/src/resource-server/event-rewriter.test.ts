import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createEventRewriter } from "./event-rewriter.js";

const upper = (data: string) => data.toUpperCase();
const same = (data: string) => data;

function run(text: string, rewrite: (data: string) => string, cuts: readonly number[] = []): string {
  const rewriter = createEventRewriter(rewrite, 1_000_000);
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  let out = "";
  let from = 0;
  for (const to of [...places, text.length]) {
    out += rewriter.push(text.slice(from, to));
    from = to;
  }
  return out;
}

/** The events that a client sees (HTML §9.2.6): the data of each, in order. */
function eventsOf(text: string): readonly string[] {
  const events: string[] = [];
  let data: string[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  // What is behind the last line end is no line yet.
  for (const line of lines.slice(0, -1)) {
    if (line === "") {
      if (data.length > 0) events.push(data.join("\n"));
      data = [];
    } else if (line === "data") data.push("");
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return events;
}

describe("a stream of events", () => {
  const cases: readonly [title: string, text: string, out: string][] = [
    ["one event", "data: a\n\n", "data: A\n\n"],
    ["without space", "data:a\n\n", "data: A\n\n"],
    ["several lines of data", "data: a\ndata: b\n\n", "data: A\ndata: B\n\n"],
    ["id and event name", "id: x\nevent: y\ndata: a\n\n", "id: x\nevent: y\ndata: A\n\n"],
    ["CRLF", "data: a\r\n\r\n", "data: A\n\n"],
    ["CR", "data: a\r\rdata: b\n\n", "data: A\n\ndata: B\n\n"],
    ["a comment", ": keep\n\ndata: a\n\n", ": keep\n\ndata: A\n\n"],
    ["a field that only looks like data", "database: a\n\n", "database: a\n\n"],
    ["an incomplete event", "data: a\n\ndata: b\n", "data: A\n\n"],
  ];
  test.each(cases)("with %s", (_title, text, out) => {
    expect(run(text, upper)).toBe(out);
  });

  const stream = fc
    .array(
      fc.constantFrom(
        "data: a",
        "data:",
        "data",
        "id: 1",
        ": c",
        "x",
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "\r\n\r\n",
        "data: {}",
      ),
    )
    .map((parts) => `${parts.join("")}\n\n`);

  test("keeps its text when nothing changes, however it is cut", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat()), (text, cuts) => {
        const out = run(text, same, cuts);
        expect(text.startsWith(out)).toBe(true);
        expect(eventsOf(out)).toEqual(eventsOf(text));
      }),
    );
  });

  test("shows no data that was not rewritten, however it is cut", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat()), (text, cuts) => {
        const marked = run(text, (data) => `[${data}]`, cuts);
        expect(eventsOf(marked)).toEqual(eventsOf(text).map((data) => `[${data}]`));
      }),
    );
  });

  test("does not wait for ever for an event to end", () => {
    const rewriter = createEventRewriter(same, 10);
    expect(() => rewriter.push("data: 12345678")).toThrow(RangeError);
  });
});
