import { randomBytes } from "node:crypto";
import type { Principal } from "@sallyport/auth";
import type { Session } from "@sallyport/auth/authorization-server";
import { createTestSystem } from "@sallyport/auth/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { TEST_NOW as NOW, testGrant, testRotation, testSession } from "../../../auth/src/testing/records.contract.js";
import { createLiveness } from "../gateway/liveness.js";
import { openStore } from "../stores/store.js";
import { createRecordSource, type EntitledServer } from "./records.js";

const ISSUER = "https://mcp.example";
const { sub, client_id, resource } = testSession();

function principal(claims: Partial<Principal> = {}): Principal {
  return {
    ...{ iss: ISSUER, sub, client_id, sid: "session", jti: "token", scopes: ["mcp:read"], kind: "user" },
    ...{ actor: undefined, chain: [], cnf: undefined, roles: [], exp: NOW + 600, iat: NOW },
    ...claims,
  } as Principal;
}

/** A store with a user, a grant and its sessions, and what a gateway knows of them. */
async function start(...sessions: readonly Partial<Session>[]) {
  const system = createTestSystem(NOW);
  const store = await openStore({ url: "sqlite::memory:", masterKey: randomBytes(32), system });
  onTestFinished(() => store.close());
  const user = { sub, name: "ada", roles: [], owner: true, disabled: false, password_hash: undefined, created: NOW };
  await store.users.add(user);
  await store.grants.widen(testGrant());
  for (const session of sessions) await store.sessions.create(testSession(session), `${session.id ?? "session"} r1`);
  const installed = { name: "", title: "crm", path: "/mcp", config: {} } as unknown as EntitledServer["installed"];
  const server: EntitledServer = { installed, resource, scopes: ["mcp:read"], access: undefined };
  const source = createRecordSource({ store, issuer: ISSUER, system, rolesMaxAge: 86_400 }, () => [server]);
  const liveness = createLiveness({ feed: store.feed, records: source, system });
  await liveness.look();
  const standingOf = async (who: Principal) => {
    await liveness.look();
    await liveness.settled();
    return liveness.standing(who, resource);
  };
  const statusOf = async (who: Principal) => (await liveness.isLive(resource)(who)).status;
  return { store, system, standingOf, statusOf };
}

describe("a session that nobody refreshes", () => {
  test.each<[string, Partial<Session>, number]>([
    ["for too long", { idle_expires: NOW + 1_000, expires: NOW + 5_000 }, 1_000],
    ["for ever, but whose last day has come", { idle_expires: NOW + 9_000, expires: NOW + 5_000 }, 5_000],
  ])("%s ends with its time, and its streams with it", async (_how, session, lasts) => {
    const { system, standingOf, statusOf } = await start(session);
    const who = principal();
    expect(await statusOf(who)).toBe("live");
    system.advance(lasts - 1);
    expect(await standingOf(who)).toBe("live");
    system.advance(1);
    expect(await standingOf(who)).toBe("revoked");
    expect(await statusOf(who)).toBe("revoked");
  });

  test("ends those that were exchanged from it, whatever their own time", async () => {
    const child = {
      id: "child",
      parent_id: "session",
      client_id: "agent",
      idle_expires: NOW + 9_000,
      expires: NOW + 9_000,
    };
    const { system, standingOf, statusOf } = await start({ idle_expires: NOW + 1_000 }, child);
    const agent = principal({ sid: "child", client_id: "agent", jti: "exchanged" });
    expect(await statusOf(agent)).toBe("live");
    system.advance(1_000);
    expect(await standingOf(agent)).toBe("revoked");
  });
});

test("a session that is refreshed, at any process, goes on, and so do its streams", async () => {
  const { store, system, standingOf, statusOf } = await start({ idle_expires: NOW + 1_000, expires: NOW + 5_000 });
  const who = principal();
  expect(await statusOf(who)).toBe("live");
  system.advance(900);
  await store.sessions.rotate(testRotation("session r1", { now: NOW + 900, idle_lifetime: 1_000 }));
  system.advance(500);
  expect(await standingOf(who)).toBe("live");
  system.advance(500);
  expect(await standingOf(who)).toBe("revoked");
});
