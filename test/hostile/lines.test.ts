import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { call, type Granted, type Ground, headersOf, prepareGround, rpc, titled } from "./ground.js";

/*
 * Stdio servers take one line for one message. Line breaks are blanks of JSON, so that a message may hold another one on a line of its own:
 * judged as one call, it must not arrive as two.
 */
const folder = mkdtempSync(join(tmpdir(), "sallyport-test-"));
const file = join(folder, "lines");
let ground: Ground;
let reader: Granted;
let session: string;

beforeAll(async () => {
  writeFileSync(file, "");
  const child = fileURLToPath(new URL("./recording-child.mjs", import.meta.url));
  ground = await prepareGround({ arguments: ["--", process.execPath, child, file] });
  reader = await ground.grant(ground.owner, await ground.register(), "mcp:read");
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
  const started = await ground.ask({ headers: headersOf(reader.access_token), body: rpc("initialize", params) });
  session = started.headers["mcp-session-id"] ?? "";
});
afterAll(async () => {
  await ground.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => writeFileSync(file, ""));

const inner = call("change", { n: 1 }, 99);
const around = (line: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","arguments":{"x":${line}${inner}${line}}}}`;
const notification = (line: string) =>
  `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"_meta":{"x":${line}${inner}${line}}}}`;
const inString = (separator: string) => call("look", { x: `${separator}${inner}${separator}` });

const ROWS: readonly { readonly title: string; readonly body: string; readonly calls: number }[] = [
  { title: "a line feed", body: around("\n"), calls: 1 },
  { title: "a carriage return", body: around("\r"), calls: 1 },
  { title: "both", body: around("\r\n"), calls: 1 },
  { title: "in a batch", body: `[\n${around("\n")}\n]`, calls: 1 },
  { title: "in a notification", body: notification("\n"), calls: 0 },
  { title: "an escaped line feed in a string", body: inString("\n"), calls: 1 },
  { title: "U+2028 in a string, which some readers take for a line break", body: inString("\u2028"), calls: 0 },
  { title: "U+0085 in a string, which some readers take for a line break", body: inString("\u0085"), calls: 0 },
];

describe("a message inside a message, on a line of its own, is no message", () => {
  test.each(titled(ROWS))("%s", async (_, { body, calls }) => {
    // A second request of the same session, whose answer says that the first was read. A reader that broke a line never answers that one.
    const first = ground.ask({ headers: [...headersOf(reader.access_token), ["mcp-session-id", session]], body });
    if (calls > 0) expect((await first).status).toBe(200);
    else first.catch(() => undefined);
    const ping = rpc("tools/list", {}, 2);
    await expect
      .poll(async () => {
        await ground.ask({ headers: [...headersOf(reader.access_token), ["mcp-session-id", session]], body: ping });
        return readFileSync(file, "utf8");
      })
      .toContain("tools/list");
    const read = readFileSync(file, "utf8").split("\n");
    const carriedOut = read.flatMap((line) => {
      try {
        const { method, params } = JSON.parse(line);
        return method === "tools/call" ? [params.name] : [];
      } catch {
        return [];
      }
    });
    expect(carriedOut).toEqual(Array(calls).fill("look"));
  });
});
