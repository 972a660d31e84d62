import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RequestReader } from "./request-reader.js";

function idsIn(chunks: readonly (string | Uint8Array)[], { events = true, maxBytes = 1_000 } = {}) {
  const ids: (string | number)[] = [];
  const reader = new RequestReader((id) => ids.push(id), { events, maxBytes });
  for (const chunk of chunks) reader.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  reader.end();
  return ids;
}

const ask = (id: unknown) => JSON.stringify({ jsonrpc: "2.0", id, method: "roots/list" });

describe("a request in an event stream", () => {
  test.each<[string, string, readonly (string | number)[]]>([
    ["is found by its number", `data: ${ask(7)}\n\n`, [7]],
    ["is found by its string", `data: ${ask("7")}\n\n`, ["7"]],
    ["may have the id 0", `data: ${ask(0)}\n\n`, [0]],
    ["is found without the space, behind other fields", `event: message\nid: e-1\ndata:${ask(1)}\n\n`, [1]],
    ["is found behind comments", `: hi\n\n: hi\ndata: ${ask(1)}\n\n`, [1]],
    ["may lie over several lines", `data: {"id":1,\ndata: "method":"ping"}\n\n`, [1]],
    ["ends its lines with CRLF", `id: 1\r\ndata: ${ask(1)}\r\n\r\ndata: ${ask(2)}\r\n\r\n`, [1, 2]],
    ["ends its lines with CR", `data: ${ask(1)}\r\rdata: ${ask(2)}\r\r`, [1, 2]],
    ["may be one of a batch (2025-03-26)", `data: [${ask(1)},{"method":"x"},${ask("b")}]\n\n`, [1, "b"]],
    ["is none before its event ends", `data: ${ask(1)}\n`, []],
    ["is none without an id", `data: {"method":"notifications/x"}\n\n`, []],
    ["is none with the id null", `data: ${ask(null)}\n\n`, []],
    ["is none when the method is no name", `data: {"id":1,"method":{}}\n\n`, []],
    ["is none inside a result", `data: {"id":1,"result":{"structuredContent":${ask(2)}}}\n\n`, []],
    ["is none when it is malformed, and the next is read", `data: {"method"\n\ndata: ${ask(2)}\n\n`, [2]],
    ["is none in a field of another name", `database: ${ask(1)}\n\n`, []],
    [
      "is none when it is too large, and the next is read",
      `data: ${"x".repeat(999)}"method"\n\ndata: ${ask(2)}\n\n`,
      [2],
    ],
    ["is not joined over a line that is too large", `data: ${"x".repeat(999)}\ndata: ${ask(1)}\n\n`, []],
  ])("%s", (_, stream, ids) => {
    expect(idsIn([stream])).toEqual(ids);
  });

  test("is found wherever the chunks end, at every size of chunk", () => {
    const stream = Buffer.from(`: hi\r\n\r\nid: 1\r\ndata: ${ask(1)}\r\n\r\ndata: ${ask("é")}\n\ndata: ${ask(3)}\r\r`);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (sizes) => {
        const chunks: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          chunks.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(idsIn(chunks)).toEqual([1, "é", 3]);
      }),
    );
  });

  test("is not looked for in what nobody can read: any bytes at all", () => {
    fc.assert(fc.property(fc.array(fc.uint8Array()), (chunks) => void idsIn(chunks)));
  });
});

describe("a request in a JSON answer", () => {
  test.each<[string, readonly string[], readonly (string | number)[]]>([
    ["is found", [ask(1)], [1]],
    ["is found in pieces", [`[{"id":5,"result":{}},`, `${ask(1)}]`], [1]],
    ["is none in an answer cut off", [ask(1).slice(0, -1)], []],
    ["is none in an answer that is too large", [`[${ask(1)}`, " ".repeat(999), "]"], []],
  ])("%s", (_, chunks, ids) => {
    expect(idsIn(chunks, { events: false })).toEqual(ids);
  });
});
