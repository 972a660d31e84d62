import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSdk2Server } from "../fixtures/sdk2-server.js";
import { createPerson, type Program, ROOT, startProgram } from "./harness.js";

/* Single calls (RFC 9396) and a device without a browser (RFC 8628), against the built program with its own store. */
const folder = mkdtempSync(join(tmpdir(), "sallyport-single-calls-"));
const file = join(folder, "sallyport.yaml");
const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");
const LOOPBACK = { [oauth.allowInsecureRequests]: true } as const;

let upstream: Awaited<ReturnType<typeof startSdk2Server>>;
let program: Program;
let as: oauth.AuthorizationServer;

beforeAll(async () => {
  upstream = await startSdk2Server();
  writeFileSync(
    file,
    `
listen: { port: 0 }
clients:
  worker: { name: Worker, secret: a secret of the worker }
  shell: { name: Shell, device: true }
servers:
  notes:
    upstream: ${upstream.url}
    access: [{ clients: [worker], scopes: [mcp:read, mcp:write] }, { users: [ada], scopes: [mcp:read, mcp:write] }]
`,
  );
  program = await startProgram({ subcommand: "serve", arguments: [file] });
  const issuer = new URL(program.issuer);
  const found = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...LOOPBACK });
  as = await oauth.processDiscoveryResponse(issuer, found);
});
afterAll(async () => {
  await program?.stop();
  await upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

const resource = () => `${program.issuer}/mcp/notes`;
const once = (name: string, args: object) =>
  JSON.stringify([{ type: "mcp_call", tools: [name], arguments: args, once: true }]);

async function call(token: string, name: string, args: object): Promise<number> {
  const answer = await fetch(resource(), {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": name,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name,
        arguments: args,
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientCapabilities": {},
          "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
        },
      },
    }),
  });
  await answer.text();
  return answer.status;
}

test("a machine's token for one call makes that call, once, at whatever it is asked at once", async () => {
  const client = { client_id: "worker" };
  const parameters = { resource: resource(), authorization_details: once("write_note", { name: "a", text: "hello" }) };
  const auth = oauth.ClientSecretBasic("a secret of the worker");
  const answer = await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, LOOPBACK);
  const tokens = await oauth.processClientCredentialsResponse(as, client, answer);
  expect(tokens.authorization_details).toMatchObject([{ type: "mcp_call", tools: ["write_note"], once: true }]);
  expect(await call(tokens.access_token, "write_note", { name: "a", text: "bye" })).toBe(403);
  const statuses = await Promise.all(
    [1, 2, 3, 4].map(() => call(tokens.access_token, "write_note", { name: "a", text: "hello" })),
  );
  expect(statuses.toSorted()).toEqual([200, 403, 403, 403]);
  const listed = execFileSync(process.execPath, [LAUNCHER, "session", "list", "--config", file], { encoding: "utf8" });
  expect(listed).toMatch(/ worker +http\S+ +1 single call +2/);
});

test("a person agrees to one call for a device, and the device makes it", async () => {
  const said = execFileSync(process.execPath, [LAUNCHER, "user", "add", "ada", "--config", file], { encoding: "utf8" });
  const code = /Sign-in code: (\S+)/.exec(said)?.[1] ?? "";
  const client = { client_id: "shell" };
  const parameters = {
    resource: resource(),
    authorization_details: once("write_note", { name: "b", text: "from the device" }),
  };
  const started = await oauth.deviceAuthorizationRequest(as, client, oauth.None(), parameters, LOOPBACK);
  const asked = await oauth.processDeviceAuthorizationResponse(as, client, started);
  const typed = await fetch(asked.verification_uri, {
    method: "POST",
    body: new URLSearchParams({ user_code: asked.user_code }),
    headers: { origin: "null", "sec-fetch-site": "same-origin" },
    redirect: "manual",
  });
  const person = createPerson({ code: () => code, userName: "ada" });
  // There is no client to go back to: the last page leads nowhere, and the person says so.
  await expect(person.visit(typed.headers.get("location") ?? "")).rejects.toThrow("The device is connected");
  expect(person.consentPages[0]).toContain("Call <code>write_note</code> once");
  const answer = await oauth.deviceCodeGrantRequest(as, client, oauth.None(), asked.device_code, LOOPBACK);
  const tokens = await oauth.processDeviceCodeResponse(as, client, answer);
  expect(await call(tokens.access_token, "write_note", { name: "b", text: "from the device" })).toBe(200);
  expect(await call(tokens.access_token, "write_note", { name: "b", text: "from the device" })).toBe(403);
});
