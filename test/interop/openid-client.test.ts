import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPerson, type Person, type Program, ROOT, startProgram } from "./harness.js";

/*
 * openid-client as it comes, against the built program, for every grant that is not in machines.test: it finds everything by the issuer alone
 * and refuses answers that the specifications do not allow.
 */
const folder = mkdtempSync(join(tmpdir(), "sallyport-openid-client-"));
const file = join(folder, "sallyport.yaml");
const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");
const CALLBACK = "http://127.0.0.1:49152/callback";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

let program: Program;
let person: Person;
const resource = () => `${program.issuer}/mcp/notes`;

beforeAll(async () => {
  writeFileSync(
    file,
    `
listen: { port: 0 }
clients:
  app: { name: App, secret: a secret of the app, redirectUris: ["${CALLBACK}"], exchange: [] }
  bound: { name: Bound, redirectUris: ["${CALLBACK}"], dpop: true }
  shell: { name: Shell, device: true }
  notes-server: { name: Notes, secret: a secret of notes, serves: [notes] }
servers:
  notes: { upstream: "http://127.0.0.1:1/mcp", access: [{ users: [ada], scopes: [mcp:read, mcp:write] }] }
`,
  );
  program = await startProgram({ subcommand: "serve", arguments: [file] });
  const said = execFileSync(process.execPath, [LAUNCHER, "user", "add", "ada", "--config", file], { encoding: "utf8" });
  const code = /Sign-in code: (\S+)/.exec(said)?.[1] ?? "";
  person = createPerson({ code: () => code, userName: "ada" });
});
afterAll(async () => {
  await program?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** RFC 8414 discovery; the client's secret, where it has one. */
const discover = (client_id: string, secret?: string) =>
  openid.discovery(new URL(program.issuer), client_id, secret, undefined, {
    algorithm: "oauth2",
    execute: [openid.allowInsecureRequests],
  });

/** A person's token by the code grant, with PKCE, state and `iss` (RFC 9207). */
async function connect(config: openid.Configuration, scope: string, options?: openid.DPoPOptions) {
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const state = openid.randomState();
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope,
    state,
    resource: resource(),
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const callback = await person.visit(url);
  const checks = { pkceCodeVerifier, expectedState: state };
  return openid.authorizationCodeGrant(config, callback, checks, { resource: resource() }, options);
}

test("code, refresh, exchange, introspection and revocation", async () => {
  const app = await discover("app", "a secret of the app");
  const notes = await discover("notes-server", "a secret of notes");
  const tokens = await connect(app, "mcp:read mcp:write");
  expect(decodeJwt(tokens.access_token)).toMatchObject({ aud: resource(), client_id: "app" });
  const renewed = await openid.refreshTokenGrant(app, tokens.refresh_token ?? "", { resource: resource() });
  expect(renewed.refresh_token).not.toBe(tokens.refresh_token);
  const weaker = await openid.genericGrantRequest(app, "urn:ietf:params:oauth:grant-type:token-exchange", {
    subject_token: renewed.access_token,
    subject_token_type: ACCESS_TOKEN,
    scope: "mcp:read",
  });
  expect([weaker.scope, weaker.issued_token_type]).toEqual(["mcp:read", ACCESS_TOKEN]);
  const isActive = async (token: string) => (await openid.tokenIntrospection(notes, token)).active;
  expect([await isActive(renewed.access_token), await isActive(weaker.access_token)]).toEqual([true, true]);
  await openid.tokenRevocation(app, renewed.refresh_token ?? "");
  expect([await isActive(renewed.access_token), await isActive(weaker.access_token)]).toEqual([false, false]);
  await expect(openid.refreshTokenGrant(app, renewed.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_grant",
  });
});

test("DPoP: the nonce is met, and the refresh token of a public client is its key's", async () => {
  const bound = await discover("bound");
  const DPoP = openid.getDPoPHandle(bound, await openid.randomDPoPKeyPair("ES256"));
  const tokens = await connect(bound, "mcp:read", { DPoP });
  expect(tokens.token_type).toBe("dpop");
  const another = openid.getDPoPHandle(bound, await openid.randomDPoPKeyPair("ES256"));
  await expect(
    openid.refreshTokenGrant(bound, tokens.refresh_token ?? "", {}, { DPoP: another }),
  ).rejects.toMatchObject({ error: "invalid_grant" });
  const renewed = await openid.refreshTokenGrant(bound, tokens.refresh_token ?? "", {}, { DPoP });
  expect(decodeJwt(renewed.access_token).cnf).toEqual(decodeJwt(tokens.access_token).cnf);
});

test("a device without a browser", async () => {
  const shell = await discover("shell");
  const asked = await openid.initiateDeviceAuthorization(shell, { scope: "mcp:read", resource: resource() });
  const typed = await fetch(asked.verification_uri, {
    method: "POST",
    body: new URLSearchParams({ user_code: asked.user_code }),
    headers: { origin: "null", "sec-fetch-site": "same-origin" },
    redirect: "manual",
  });
  const visit = person.visit(typed.headers.get("location") ?? "");
  await expect(visit).rejects.toThrow("The device is connected");
  const tokens = await openid.pollDeviceAuthorizationGrant(shell, asked);
  expect(decodeJwt(tokens.access_token)).toMatchObject({ client_id: "shell", scope: "mcp:read" });
});
