import type { McpBody } from "@sallyport/auth";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findParents, formatTraceparent, parseTraceparent } from "./trace-context.js";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const GOOD = `00-${TRACE}-${SPAN}-01`;

describe("traceparent (W3C Trace Context §3.2)", () => {
  test.each([
    ["as it is written", GOOD, true],
    ["of a version to come, with more after the flags", `cc-${TRACE}-${SPAN}-01-more`, true],
    ["of version 00 with more after the flags", `${GOOD}-more`, false],
    ["of version ff", `ff-${TRACE}-${SPAN}-01`, false],
    ["with no trace", `00-${"0".repeat(32)}-${SPAN}-01`, false],
    ["with no span", `00-${TRACE}-${"0".repeat(16)}-01`, false],
    ["in upper case", GOOD.toUpperCase(), false],
    ["with a line break", `${GOOD}\n`, false],
    ["that came twice", [GOOD, GOOD], false],
    ["that is absent", undefined, false],
    ["that is an object", { traceparent: GOOD }, false],
  ])("one %s", (_, text, isGood) => {
    expect(parseTraceparent(text) !== undefined).toBe(isGood);
  });

  test("what is read is written again; flags that we do not know are dropped", () => {
    const hex = (length: number) =>
      fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((text) => !/^0+$/.test(text));
    fc.assert(
      fc.property(hex(32), hex(16), fc.nat(255), (trace, span, flags) => {
        const context = parseTraceparent(`00-${trace}-${span}-${flags.toString(16).padStart(2, "0")}`);
        expect(context && formatTraceparent(context)).toBe(`00-${trace}-${span}-0${flags & 1}`);
      }),
    );
  });

  test("anything at all is read or refused, never thrown at", () => {
    fc.assert(fc.property(fc.anything(), fc.anything(), (parent, state) => void parseTraceparent(parent, state)));
  });
});

describe("the parent of a request", () => {
  const body = (meta: unknown, batch = false): McpBody => ({
    batch,
    messages: [{ type: "request", id: 1, method: "tools/list", params: { _meta: meta as never } }],
    inexactNumbers: false,
  });
  const header = (traceparent?: string) => (name: string) => (name === "traceparent" ? traceparent : undefined);
  const other = `00-${TRACE}-1111111111111111-01`;

  test.each([
    ["is the header's", header(GOOD), body(undefined), SPAN, undefined],
    ["is that of `_meta` where there is no header", header(), body({ traceparent: GOOD }), SPAN, undefined],
    [
      "is that of `_meta` where the header is malformed",
      header("nonsense"),
      body({ traceparent: GOOD }),
      SPAN,
      undefined,
    ],
    ["is one where both agree", header(GOOD), body({ traceparent: GOOD }), SPAN, undefined],
    [
      "is the header's where they differ, and the other is linked",
      header(other),
      body({ traceparent: GOOD }),
      "1111111111111111",
      SPAN,
    ],
    [
      "is nobody's in a batch, whose messages have each their own",
      header(),
      body({ traceparent: GOOD }, true),
      undefined,
      undefined,
    ],
    ["is nobody's where nobody says any", header(), body({ traceparent: 1 }), undefined, undefined],
  ])("%s", (_, lookup, message, parent, linked) => {
    const found = findParents(lookup, message);
    expect([found.parent?.spanId, found.linked?.spanId]).toEqual([parent, linked]);
  });
});
