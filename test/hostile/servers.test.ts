import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Program, ROOT, startProgram } from "../interop/program.js";
import { CALLBACK, call, createPkce, FORM_TYPE, form, headersOf, JSON_TYPE, rpc } from "./ground.js";
import { json, type RecordingUpstream, startRecordingUpstream } from "./recording-upstream.js";
import { consentForm, nextAddress, Visitor } from "./visitor.js";
import { send } from "./wire.js";

/* Two servers of one installation and one issuer: what is granted for the one is nothing at the other. */
const folder = mkdtempSync(join(tmpdir(), "sallyport-test-"));
const file = join(folder, "sallyport.yaml");
let program: Program;
let crm: RecordingUpstream;
let wiki: RecordingUpstream;
let ada: Visitor;
let client_id: string;

const at = (name: string) => `${program.issuer}/mcp/${name}`;

beforeAll(async () => {
  crm = await startRecordingUpstream();
  wiki = await startRecordingUpstream();
  const only = { tools: [{ name: "only_here", annotations: { readOnlyHint: true } }] };
  crm.behaviours.set("tools/list", (response, id) => json(response, { jsonrpc: "2.0", id, result: only }));
  const access = [{ users: ["ada"], scopes: ["mcp:read", "mcp:write"] }];
  const servers = {
    crm: { upstream: crm.url, access },
    wiki: { upstream: wiki.url, access },
    vault: { upstream: wiki.url, access: [{ users: ["grace"], scopes: ["mcp:read"] }] },
  };
  writeFileSync(file, JSON.stringify({ listen: { port: 0 }, servers }));
  program = await startProgram({ subcommand: "serve", arguments: [file], dataDir: folder });
  const launcher = join(ROOT, "packages/sallyport/bin/sallyport.js");
  const added = await promisify(execFile)(process.execPath, [launcher, "user", "add", "ada", "--config", file]);
  const [code = ""] = /(?:[0-9A-Z]{4}-){6}[0-9A-Z]{4}/.exec(added.stdout) ?? [];
  ada = new Visitor({ code: () => code, userName: "ada" });
  const body = JSON.stringify({ redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" });
  const registered = await send(at("crm"), { path: "/register", headers: [JSON_TYPE], body });
  client_id = JSON.parse(registered.text).client_id;
});
afterAll(async () => {
  await program.stop();
  await Promise.all([crm.close(), wiki.close()]);
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  crm.forget();
  wiki.forget();
});

const token = (fields: Readonly<Record<string, string>>) =>
  send(program.issuer, { path: "/token", headers: [FORM_TYPE], body: form(fields) });

async function authorize(resource: string | undefined) {
  const { verifier, challenge } = createPkce();
  const url = new URL(`${program.issuer}/authorize`);
  url.search = form({
    response_type: "code",
    client_id,
    redirect_uri: CALLBACK,
    code_challenge: challenge,
    code_challenge_method: "S256",
    scope: "mcp:write",
    resource,
  });
  return { page: await ada.walk(url), verifier };
}

async function grant(name: string, resource?: string) {
  const { page, verifier } = await authorize(at(name));
  const done = await ada.submit(page, consentForm(page), { button: "approve" });
  const code = nextAddress(done)?.searchParams.get("code") ?? "";
  const fields = { grant_type: "authorization_code", code, client_id, redirect_uri: CALLBACK, code_verifier: verifier };
  return token(resource === undefined ? fields : { ...fields, resource });
}

const ask = (name: string, access_token: string, body: string, more: readonly (readonly [string, string])[] = []) =>
  send(at(name), { path: `/mcp/${name}`, headers: [...headersOf(access_token), ...more], body });

describe("token-wrong-aud: a token for one server is nothing at another", () => {
  test("with the same person, client, issuer, key and scopes", async () => {
    const { access_token } = JSON.parse((await grant("crm")).text);
    expect((await ask("crm", access_token, call("only_here"))).status).toBe(200);
    const answer = await ask("wiki", access_token, call("look"));
    expect({ status: answer.status, code: answer.code }).toEqual({ status: 401, code: "invalid_token" });
    expect(answer.headers["www-authenticate"]).toContain("/.well-known/oauth-protected-resource/mcp/wiki");
    expect(wiki.arrived).toEqual([]);
  });

  test("resource-ignored: a code for one is not redeemed for another, nor refreshed", async () => {
    const answer = await grant("crm", at("wiki"));
    expect({ status: answer.status, code: answer.code }).toEqual({ status: 400, code: "invalid_target" });
    const { refresh_token } = JSON.parse((await grant("crm")).text);
    const refreshed = await token({ grant_type: "refresh_token", refresh_token, client_id, resource: at("wiki") });
    expect({ status: refreshed.status, code: refreshed.code }).toEqual({ status: 400, code: "invalid_target" });
  });

  test("a session of one server does not exist at another, for its own owner either", async () => {
    const first = JSON.parse((await grant("crm")).text).access_token;
    const second = JSON.parse((await grant("wiki")).text).access_token;
    const started = await ask("crm", first, rpc("initialize", { protocolVersion: "2025-11-25", capabilities: {} }));
    const session = started.headers["mcp-session-id"] ?? "";
    expect(session).not.toBe("");
    const answer = await ask("wiki", second, call("look"), [["mcp-session-id", session]]);
    expect({ status: answer.status, code: answer.code }).toEqual({ status: 404, code: -32001 });
    expect(wiki.arrived).toEqual([]);
  });

  test("gateway-tool-shadow: a tool of one server is unknown at another", async () => {
    const { access_token } = JSON.parse((await grant("wiki")).text);
    const answer = await ask("wiki", access_token, call("only_here"));
    expect({ status: answer.status, code: answer.code }).toEqual({ status: 200, code: -32602 });
    expect(wiki.arrived).toEqual([]);
  });
});

describe("who has no access to a server", () => {
  test("is told so, and can grant nothing there", async () => {
    const { page } = await authorize(at("vault"));
    expect(page.status).toBe(403);
    const form = consentForm(page);
    expect(form.fields.filter(({ name }) => name === "scope")).toEqual([]);
    const forged = {
      ...form,
      fields: [...form.fields, { name: "scope", type: "checkbox", value: "mcp:read", checked: true, disabled: false }],
    };
    const done = await ada.submit(page, forged, { fill: { decision: "approve" } });
    expect(nextAddress(done)?.searchParams.get("code") ?? null).toBeNull();
  });

  test("is not asked for it when the client names no server, and can not pick it", async () => {
    const { page } = await authorize(undefined);
    expect(page.status).toBe(200);
    expect(page.html).toContain(at("crm"));
    expect(page.html).not.toContain(at("vault"));
    const picked = new URL(page.url);
    picked.searchParams.set("resource", at("vault"));
    const vault = await ada.open(picked);
    expect(vault.status).toBe(403);
  });
});

test("metadata for all servers at the root would match none of them: it is not there", async () => {
  const answer = await send(program.issuer, { method: "GET", path: "/.well-known/oauth-protected-resource" });
  expect(answer.status).toBe(404);
  const own = await send(program.issuer, { method: "GET", path: "/.well-known/oauth-protected-resource/mcp/wiki" });
  expect(JSON.parse(own.text).resource).toBe(at("wiki"));
});
