import type { JsonValue } from "@sallyport/auth";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readAsking } from "./asked-of-client.js";

const read = (message: JsonValue) => readAsking(message, () => JSON.stringify(message));

test("any JSON is read, never thrown at", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void read(value as JsonValue)));
});

test("an answer that asks nothing asks nothing, whatever is in it", () => {
  const content = fc
    .jsonValue()
    .map((value) => ({ jsonrpc: "2.0", id: 1, result: { content: [value], structuredContent: { value } } }));
  fc.assert(
    fc.property(content, (message) => {
      expect(read(message as JsonValue)).toBeUndefined();
    }),
  );
});

test("a request is found however its name is written, and anything but the right one is unreadable", () => {
  const spellings = fc.tuple(...[..."method"].map((letter) => fc.constantFrom(letter, letter.toUpperCase())));
  fc.assert(
    fc.property(spellings, fc.jsonValue(), (letters, params) => {
      const name = letters.join("");
      const found = read({ jsonrpc: "2.0", id: "a", [name]: "sampling/createMessage", other: params as JsonValue });
      const expected = name === "method" ? [{ method: "sampling/createMessage", params: undefined }] : [undefined];
      expect(found).toMatchObject({ form: "request", id: "a", asked: expected });
    }),
  );
});
