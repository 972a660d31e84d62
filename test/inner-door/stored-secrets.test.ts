import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { filesBelow, findCanaries } from "../fixtures/canaries.js";
import { call, headersOf } from "../hostile/ground.js";
import { type RecordingUpstream, startRecordingUpstream } from "../hostile/recording-upstream.js";
import { send } from "../hostile/wire.js";
import { type Program, startProgram } from "../interop/harness.js";
import { createOperator } from "./operator.js";

const folder = mkdtempSync(join(tmpdir(), "sallyport-secrets-"));
const file = join(folder, "sallyport.yaml");
const FIRST = "canary-first-key-of-the-mail-server";
const SECOND = "canary-second-key-of-the-mail-server";
const within2s = { timeout: 2_000, interval: 50 };
const CLIENT = { client_id: "robot", client_secret: "the robot's own secret, long enough" };

let upstream: RecordingUpstream;
let program: Program | undefined;
beforeAll(async () => {
  upstream = await startRecordingUpstream();
  writeFileSync(
    file,
    `
listen: { port: 0 }
clients: { ${CLIENT.client_id}: { name: Robot, secret: "${CLIENT.client_secret}" } }
servers:
  mail:
    upstream: ${upstream.url}
    access: [{ clients: [robot], scopes: [mcp:read] }]
    credential: { static: { X-Api-Key: { secret: mail-key }, X-Desk: plain } }
`,
  );
});
afterAll(async () => {
  await program?.stop();
  await upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

const operate = createOperator(file);

async function token(): Promise<string> {
  const { issuer, mcpUrl } = program as Program;
  const form = { grant_type: "client_credentials", resource: mcpUrl, scope: "mcp:read", ...CLIENT };
  const answer = await fetch(`${issuer}/token`, { method: "POST", body: new URLSearchParams(form) });
  return (await answer.json()).access_token;
}

/** Status of a call, and the key with which it arrived behind. */
async function look(bearer: string) {
  upstream.forget();
  const { issuer } = program as Program;
  const { status, text } = await send(issuer, { path: "/mcp/mail", headers: headersOf(bearer), body: call("look") });
  const keys = upstream.arrived.flatMap(({ headers }) => headers.filter(([name]) => name === "x-api-key"));
  return { status, text, key: keys[0]?.[1] };
}

test("a program does not begin without a secret that its configuration names, and says how to store it", async () => {
  const { code, said } = await operate(["tools", "list"]);
  expect([code, said]).toEqual([
    2,
    expect.stringContaining('servers.mail.credential.static.X-Api-Key: there is no secret "mail-key"'),
  ]);
  expect(said).toContain(`sallyport secret set mail-key --config ${file}`);
});

test("a stored secret goes with the call; a new one within two seconds, and none once it is removed", async () => {
  expect(await operate(["secret", "set", "mail-key"], `${FIRST}\n`)).toMatchObject({ code: 0 });
  program = await startProgram({ subcommand: "serve", arguments: [file] });
  const bearer = await token();
  expect(await look(bearer)).toMatchObject({ status: 200, key: FIRST });
  await operate(["secret", "set", "mail-key"], SECOND);
  await vi.waitFor(async () => expect(await look(bearer)).toMatchObject({ status: 200, key: SECOND }), within2s);
  expect(await operate(["secret", "set", "mail-key"], "one line\nand another")).toMatchObject({ code: 0 });
  await vi.waitFor(async () => expect(await look(bearer)).toMatchObject({ status: 502, key: undefined }), within2s);
  await operate(["secret", "set", "mail-key"], SECOND);
  await vi.waitFor(async () => expect((await look(bearer)).key).toBe(SECOND), within2s);
  expect(await operate(["secret", "remove", "mail-key"])).toMatchObject({ code: 0 });
  await vi.waitFor(async () => expect(await look(bearer)).toMatchObject({ status: 502, key: undefined }), within2s);
  expect((await operate(["secret", "remove", "mail-key"])).code).toBe(1);
});

test("it is in no listing, no log, no backup and no file that is readable", async () => {
  await operate(["secret", "set", "mail-key"], SECOND);
  const listed = await operate(["secret", "list"]);
  expect(listed.said).toMatch(/mail-key/);
  await operate(["db", "backup", join(folder, "store.backup")]);
  const places = new Map([
    ["listing", Buffer.from(listed.said)],
    ["log", Buffer.from(program?.log() ?? "")],
    ...filesBelow(folder),
  ]);
  expect([...places.keys()]).toEqual(expect.arrayContaining(["sallyport.db", "store.backup"]));
  const secrets = new Map([
    [FIRST, "first"],
    [SECOND, "second"],
  ]);
  const watch = { secrets, add: () => {}, stop: () => {} };
  expect(findCanaries(watch, places)).toEqual([]);
});

test("its name and its value are checked", async () => {
  expect(await operate(["secret", "set", "../x"], "v")).toMatchObject({ code: 2 });
  expect(await operate(["secret", "set", "mail-key"], "")).toMatchObject({ code: 2 });
});
