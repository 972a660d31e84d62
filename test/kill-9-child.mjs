// The child of kill-9.test.ts: works on a database until it is killed. It says on stdout what it is about to do and, once the store
// has acknowledged it, that it is done. `node kill-9-child.mjs <storage url> <round>`.
import { randomInt, randomUUID } from "node:crypto";
import { writeSync } from "node:fs";
import { system } from "@sallyport/auth";
import { openStore } from "../packages/sallyport/dist/stores/store.js";

const [url, round] = process.argv.slice(2);
const store = await openStore({ url, masterKey: new Uint8Array(32).fill(7), system });
const NOW = 1_800_000_000;
const WORKERS = 3;

// Written straight to the descriptor: the line has left this process before the next step begins.
const tell = (line) => writeSync(1, `${JSON.stringify(line)}\n`);

async function step(worker, doing, run) {
  tell({ worker, doing });
  await run();
  tell({ worker, done: true });
}

async function session(worker, number) {
  const who = { sub: `user-${round}-${worker}-${number}`, client_id: "editor", resource: "https://mcp.example/crm" };
  const scopes = ["mcp:read"];
  const [grant_id, id, code] = [randomUUID(), randomUUID(), randomUUID()];
  let token = randomUUID();
  const grant = { id: grant_id, ...who, scopes, created: NOW, updated: NOW };
  await step(worker, { kind: "grant", id: grant_id, ...who }, () => store.grants.widen(grant));
  await store.codes.save(code, {
    ...{ ...who, scopes, grant_id, session_id: id, redirect_uri: "http://127.0.0.1/cb", code_challenge: "c" },
    ...{ dpop_jkt: undefined, auth_time: NOW, expires: NOW + 60 },
  });
  const times = { auth_time: NOW, created: NOW, last_used: NOW, idle_expires: NOW + 9e6, expires: NOW + 9e6 };
  const session = { id, grant_id, ...who, scopes, label: "Editor", ...times };
  await step(worker, { kind: "redeem", code, session, token }, () =>
    store.codes.redeem(code, { session, refresh_hash: token, now: NOW }),
  );
  for (let rotations = randomInt(4); rotations > 0; rotations--) {
    const next = randomUUID();
    await step(worker, { kind: "rotate", id, from: token, to: next }, () =>
      store.sessions.rotate({
        ...{ presented_hash: token, client_id: who.client_id, dpop_jkt: undefined, now: NOW, grace: 30 },
        ...{ successor_hash: next, sealed_successor: `sealed ${next}`, idle_lifetime: 9e6 },
      }),
    );
    token = next;
  }
  const key = randomUUID();
  await step(worker, { kind: "record", key }, () => store.replay.record("jti", key, NOW + 9e6, NOW));
  const fate = randomInt(3);
  if (fate === 0) await step(worker, { kind: "end", id }, () => store.sessions.revoke({ session_id: id }, NOW));
  if (fate === 1)
    await step(worker, { kind: "end-grant", id: grant_id }, () => store.sessions.revoke({ grant_id }, NOW));
}

async function work(worker) {
  for (let number = 0; ; number++) {
    await session(worker, number);
    // An embedded store answers without a turn of the event loop; the other workers want one.
    await new Promise(setImmediate);
  }
}

await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
