import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { system } from "@sallyport/auth";
import type { Session } from "@sallyport/auth/authorization-server";
import Libsql from "libsql";
import { afterAll, expect, test } from "vitest";
import { openStore, type Store } from "../packages/sallyport/src/stores/store.js";

const KILLS = 24;
const NOW = 1_800_000_000;
const script = fileURLToPath(new URL("kill-9-child.mjs", import.meta.url));
const built = fileURLToPath(new URL("../packages/sallyport/dist/stores/store.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sallyport-kill-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Redeem {
  readonly kind: "redeem";
  readonly code: string;
  readonly session: Session;
  readonly token: string;
}

/** What the child says it does; `done` follows when the store has acknowledged it. */
type Step =
  | {
      readonly kind: "grant";
      readonly id: string;
      readonly sub: string;
      readonly client_id: string;
      readonly resource: string;
    }
  | Redeem
  | { readonly kind: "rotate"; readonly id: string; readonly from: string; readonly to: string }
  | { readonly kind: "record"; readonly key: string }
  | { readonly kind: "end" | "end-grant"; readonly id: string };

interface Line {
  readonly worker: number;
  readonly doing?: Step;
}

/** What must be true of the database: made of acknowledged steps only. */
interface Model {
  readonly grants: Map<string, Extract<Step, { kind: "grant" }> & { ended: boolean }>;
  readonly sessions: Map<string, { readonly grant_id: string; tokens: string[]; ended: boolean }>;
  readonly redeemed: Map<string, Redeem>;
  readonly recorded: Set<string>;
  acknowledged: number;
}

function acknowledge(model: Model, step: Step): void {
  model.acknowledged += 1;
  if (step.kind === "grant") model.grants.set(step.id, { ...step, ended: false });
  if (step.kind === "record") model.recorded.add(step.key);
  if (step.kind === "redeem") {
    const { code, session, token } = step;
    model.redeemed.set(code, step);
    model.sessions.set(session.id, { grant_id: session.grant_id, tokens: [token], ended: false });
  }
  if (step.kind === "rotate") model.sessions.get(step.id)?.tokens.push(step.to);
  if (step.kind === "end") end(model, (_, id) => id === step.id);
  if (step.kind === "end-grant") {
    end(model, ({ grant_id }) => grant_id === step.id);
    const grant = model.grants.get(step.id);
    if (grant !== undefined) grant.ended = true;
  }
}

function end({ sessions }: Model, which: (session: { grant_id: string }, id: string) => boolean): void {
  for (const [id, session] of sessions) if (which(session, id)) session.ended = true;
}

/** Lets the child work, kills it after some acknowledged steps, and answers the steps that were under way then. */
async function workAndKill(model: Model, url: string, round: number): Promise<readonly Step[]> {
  const child: ChildProcess = spawn(process.execPath, [script, url, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error("the child has no output");
  const exited = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  const underWay = new Map<number, Step>();
  const enough = model.acknowledged + randomInt(45, 80);
  for await (const text of createInterface({ input: child.stdout })) {
    const { worker, doing } = JSON.parse(text) as Line;
    if (doing !== undefined) {
      underWay.set(worker, doing);
      continue;
    }
    const done = underWay.get(worker);
    if (done !== undefined) acknowledge(model, done);
    underWay.delete(worker);
    // The child has gone on since it wrote this line: the signal meets it wherever it is. What it still says is read to the end.
    if (model.acknowledged === enough) child.kill("SIGKILL");
  }
  expect(await exited).toBe("SIGKILL");
  return [...underWay.values()];
}

/** A step that was not acknowledged may have happened or not, but not by half: the model takes over what the database says. */
async function settle(model: Model, store: Store, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step.kind === "grant") {
      if ((await store.grants.find(step.sub, step.client_id, step.resource)) !== undefined) acknowledge(model, step);
    } else if (step.kind === "redeem") {
      const made = (await store.sessions.find(step.session.id)) !== undefined;
      expect((await store.sessions.findByRefresh(step.token)) !== undefined).toBe(made);
      // A code without its session is good still; one that was taken has made it.
      expect(await redeem(store, step)).toBe(made ? "used" : "redeemed");
      acknowledge(model, step);
    } else if (step.kind === "rotate") {
      const from = await store.sessions.findByRefresh(step.from);
      const to = await store.sessions.findByRefresh(step.to);
      expect([from?.current, to?.current]).toEqual(to === undefined ? [true, undefined] : [false, true]);
      if (to !== undefined) acknowledge(model, step);
    } else if (step.kind === "end") {
      if ((await store.sessions.find(step.id))?.revoked !== undefined) acknowledge(model, step);
    } else if (step.kind === "end-grant") {
      const grant = model.grants.get(step.id);
      const found = grant && (await store.grants.find(grant.sub, grant.client_id, grant.resource));
      if (found === undefined) acknowledge(model, step);
    }
  }
}

async function prove(model: Model, store: Store): Promise<void> {
  const announced = await announcements(store);
  for (const { id, sub, client_id, resource, ended } of model.grants.values()) {
    expect((await store.grants.find(sub, client_id, resource))?.id).toBe(ended ? undefined : id);
    expect(announced.has(JSON.stringify([sub, client_id, resource]))).toBe(ended);
  }
  for (const [id, { tokens, ended }] of model.sessions) {
    expect((await store.sessions.find(id))?.revoked).toBe(ended ? NOW : undefined);
    expect(announced.has(id)).toBe(ended);
    const found = await Promise.all(tokens.map((token) => store.sessions.findByRefresh(token)));
    expect(found.map((token) => token?.current)).toEqual(tokens.map((_, index) => index === tokens.length - 1));
    if (ended) expect(await refresh(store, tokens.at(-1) ?? "")).toBe("ended");
  }
  for (const step of model.redeemed.values()) expect(await redeem(store, step)).toBe("used");
  for (const key of model.recorded) expect(await store.replay.record("jti", key, NOW + 9e6, NOW)).toBe(false);
}

/** Keys of all changes, whose numbers have no gap. */
async function announcements(store: Store): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  let last = 0;
  for (let rows = await store.feed.since(0); rows.length > 0; rows = await store.feed.since(last)) {
    for (const { seq, key } of rows) {
      expect(seq).toBe(last + 1);
      last = seq;
      keys.add(key);
    }
  }
  expect(await store.feed.head()).toBe(last);
  return keys;
}

const redeem = (store: Store, { code, session, token }: Redeem) =>
  store.codes.redeem(code, { session, refresh_hash: token, now: NOW });

async function refresh(store: Store, presented_hash: string): Promise<string> {
  const successor = { successor_hash: `${presented_hash}!`, sealed_successor: "sealed" };
  const rotation = { client_id: "editor", dpop_jkt: undefined, now: NOW, grace: 30, idle_lifetime: 9e6, ...successor };
  return (await store.sessions.rotate({ presented_hash, ...rotation })).status;
}

test("kill -9 at random moments: nothing acknowledged is lost, nothing revoked comes back", {
  timeout: 120_000,
}, async () => {
  if (!existsSync(built)) throw new Error("the child runs what is built: npm run build first");
  const file = join(folder, "sallyport.db");
  const url = `sqlite:${file}`;
  const model: Model = {
    grants: new Map(),
    sessions: new Map(),
    redeemed: new Map(),
    recorded: new Set(),
    acknowledged: 0,
  };
  for (let round = 0; round < KILLS; round++) {
    const underWay = await workAndKill(model, url, round);
    const store = await openStore({ url, masterKey: new Uint8Array(32).fill(7), system });
    await settle(model, store, underWay);
    await prove(model, store);
    await store.close();
  }
  expect(model.acknowledged).toBeGreaterThanOrEqual(1_000);
  expect([...model.sessions.values()].filter(({ ended }) => ended).length).toBeGreaterThan(20);
  const raw = new Libsql(file);
  expect(raw.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  raw.close();
});
