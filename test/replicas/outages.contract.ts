import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BOUND_MS, until } from "./measure.js";
import {
  call,
  type Installation,
  type LiveSession,
  openSession,
  preparePerson,
  type Replica,
  register,
  startInstallation,
  statusOf,
} from "./replica.js";

/** After so long without the store nobody says yes, and nobody who waits for it waits longer. */
const STALE_MS = 5_000;
/** What a busy machine adds to a bound of the program before a test can see it. */
const SLACK_MS = 700;
const OBSERVED_MS = 6_500;

export interface Outage {
  readonly name: string;
  /** Whether the store can be read meanwhile: then calls are decided on fresh knowledge, and go on. */
  readonly readable: boolean;
  begin(installation: Installation): Promise<void>;
  end(installation: Installation): Promise<void>;
}

interface Answered {
  readonly status: number;
  /** Milliseconds from the beginning of the outage to the question. */
  readonly asked: number;
  readonly retryAfter: string | null;
}

export function describeOutages(createUrl: () => Promise<string>, outages: readonly Outage[]): void {
  let installation: Installation;
  let client: string;
  beforeAll(async () => {
    installation = await startInstallation(await createUrl());
    client = await register(installation);
  });
  afterAll(() => installation?.close());

  const refresh = (replica: Replica, { refresh_token }: LiveSession) =>
    replica.fetch("/token", {
      method: "POST",
      body: new URLSearchParams({ grant_type: "refresh_token", client_id: client, refresh_token }),
    });

  describe.each(outages)("$name", (outage) => {
    test("is answered with 503 and Retry-After, never with 401, and passes without anybody's help", {
      timeout: 60_000,
    }, async ({ annotate }) => {
      const person = await preparePerson(installation);
      const sessions = await Promise.all(installation.replicas.map(() => openSession(installation, person, client)));
      const [known = never()] = sessions;
      for (const replica of installation.replicas) expect(await statusOf(replica, known.access_token)).toBe(200);
      // A token that neither process has seen: what is known of others says nothing of it.
      const stranger = await openSession(installation, await preparePerson(installation), client);

      await outage.begin(installation);
      const from = performance.now();
      const during = await Promise.all(
        installation.replicas.map(async (replica, index) => {
          const [calls, refreshed, page, strange] = await Promise.all([
            observe(replica, known.access_token, from),
            timed(() => refresh(replica, sessions[index] ?? never())),
            timed(() => replica.fetch(authorizePath(installation, client), { redirect: "manual" })),
            timed(() => call(replica, stranger.access_token)),
          ]);
          return { calls, refreshed, page, strange };
        }),
      );
      await outage.end(installation);
      const back = performance.now();

      for (const { calls, refreshed, page, strange } of during) {
        expect(refreshed.response.status).toBe(503);
        expect(refreshed.response.headers.get("retry-after")).toMatch(/^\d+$/);
        expect(await refreshed.response.json()).toMatchObject({ error: "temporarily_unavailable" });
        expect(refreshed.ms).toBeLessThan(STALE_MS + SLACK_MS);
        expect(page.ms).toBeLessThan(STALE_MS + SLACK_MS);
        if (outage.readable) {
          // The client and its redirect URI could be proven: it is told (RFC 6749 §4.1.2.1).
          expect(page.response.status).toBe(303);
          expect(page.response.headers.get("location")).toContain("error=temporarily_unavailable");
          expect(new Set(calls.map(({ status }) => status))).toEqual(new Set([200]));
          expect(strange.response.status).toBe(200);
        } else {
          expect(page.response.status).toBe(503);
          expect(await page.response.text()).toMatch(/store of this server does not answer/);
          expect(new Set(calls.map(({ status }) => status))).toEqual(new Set([200, 503]));
          expect(calls.filter(({ status, asked }) => status === 200 && asked > STALE_MS)).toEqual([]);
          for (const { status, retryAfter } of calls) if (status === 503) expect(retryAfter).toMatch(/^\d+$/);
          expect(strange.response.status).toBe(503);
          expect(strange.response.headers.get("retry-after")).toMatch(/^\d+$/);
        }
      }

      const recovered: number[] = [];
      for (const [index, replica] of installation.replicas.entries()) {
        const is200 = async () => (await statusOf(replica, known.access_token)) === 200;
        recovered.push(await until(back, STALE_MS, is200, "the recovery"));
        // Nothing was consumed: what was presented in vain is good for the next try.
        expect((await refresh(replica, sessions[index] ?? never())).status).toBe(200);
        expect(await statusOf(replica, stranger.access_token)).toBe(200);
        expect((await replica.fetch(authorizePath(installation, client), { redirect: "manual" })).status).toBe(303);
      }
      // And what is ended afterwards is refused in time again.
      await installation.store.sessions.revoke({ session_id: known.id }, Math.floor(Date.now() / 1000));
      for (const replica of installation.replicas) {
        await until(performance.now(), BOUND_MS, async () => (await statusOf(replica, known.access_token)) === 401);
      }
      const slowest = Math.round(Math.max(...during.map(({ refreshed }) => refreshed.ms)));
      await annotate(
        `token endpoint 503 after ${slowest} ms; recovered after ${Math.round(Math.max(...recovered))} ms`,
      );
    });
  });
}

async function observe(replica: Replica, token: string, from: number): Promise<readonly Answered[]> {
  const answers: Answered[] = [];
  while (performance.now() - from < OBSERVED_MS) {
    const asked = performance.now() - from;
    const response = await call(replica, token);
    await response.arrayBuffer();
    answers.push({ status: response.status, asked, retryAfter: response.headers.get("retry-after") });
    await pause(50);
  }
  return answers;
}

async function timed<T>(ask: () => Promise<T>): Promise<{ readonly response: T; readonly ms: number }> {
  const from = performance.now();
  const response = await ask();
  return { response, ms: performance.now() - from };
}

function authorizePath({ resource }: Installation, client_id: string): string {
  const query = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri: "http://127.0.0.1:49152/callback",
    code_challenge: "a".repeat(43),
    code_challenge_method: "S256",
    resource,
  });
  return `/authorize?${query}`;
}

function never(): never {
  throw new Error("one session for each process was made");
}
