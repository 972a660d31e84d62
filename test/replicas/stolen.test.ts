import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPerson, createStrictClient } from "../interop/harness.js";
import { type Installation, makeCode, openSession, preparePerson, register, startInstallation } from "./replica.js";

/* Whoever has the database file and not the key: a backup that went astray, a disk that was sold. */
const PASSWORD = "lantern quarry 41 heron velvet";
let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation("sqlite:./sallyport.db");
});
afterAll(() => installation?.close());

test("a used database holds no token, code, password or private key that could be used", {
  timeout: 60_000,
}, async () => {
  const { operate, replicas } = installation;
  const said = await operate("user", "add", "sam", "--role", "support");
  const invitation = /Sign-in code: (\S+)/.exec(said)?.[1] ?? "";
  const sam = createPerson({ code: () => invitation, userName: "sam", password: PASSWORD });
  const strict = await createStrictClient(installation.resource);
  const first = await strict.authorize(sam);
  const second = await strict.refresh(first.refresh_token ?? "");
  // One that nobody has redeemed yet, and one invitation that waits.
  const client = await register(installation);
  const open = await makeCode(installation, await preparePerson(installation), client);
  const waiting = /Sign-in code: (\S+)/.exec(await operate("user", "add", "kim"))?.[1] ?? "";
  const live = await openSession(installation, await preparePerson(installation), client);
  expect((await replicas[1].token({ ...open.form, code: "guess" })).status).toBe(400);

  const secrets = [
    PASSWORD,
    invitation,
    waiting,
    open.code,
    ...[first, second, live].flatMap(({ access_token, refresh_token = "" }) => [access_token, refresh_token]),
    ...[first, second].map(({ access_token }) => access_token.split(".")[2] ?? ""),
    readFileSync(join(installation.folder, "master.key"), "utf8").trim(),
  ];
  expect(secrets.filter((secret) => secret.length < 8)).toEqual([]);
  const names = readdirSync(installation.folder).filter((name) => name.startsWith("sallyport.db"));
  expect(names).toContain("sallyport.db");
  const bytes = Buffer.concat(names.map((name) => readFileSync(join(installation.folder, name))));
  // It is the right file: what is no secret stands there in the clear.
  for (const plain of [client, live.id, "sam", "ES256"]) expect(bytes.includes(plain)).toBe(true);
  expect(secrets.filter((secret) => bytes.includes(secret))).toEqual([]);
  // Private keys, in the ways in which they are written.
  for (const form of ['"d":', '\\"d\\":', "PRIVATE KEY"]) expect(bytes.includes(form)).toBe(false);
  expect(existsSync(join(installation.folder, "owner-code"))).toBe(false);
});
