import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPerson, createStrictClient } from "../interop/harness.js";
import { BOUND_MS, summary, until } from "./measure.js";
import {
  AGENT_SECRET,
  call,
  type Installation,
  makeCode,
  openSession,
  preparePerson,
  type Replica,
  register,
  startInstallation,
  statusOf,
} from "./replica.js";

const ROUNDS = 10;
const SESSIONS_PER_ROUND = 20;
const RACES = 10;

/** A kind of database that several processes share. */
export interface SharedDatabase {
  readonly name: string;
  /** For `storage:` of a new installation; `sqlite:` paths are relative to its folder. */
  createUrl(): Promise<string>;
}

/** What must be true of two processes on one store, whichever database it is. */
export function describeReplicas(database: SharedDatabase): void {
  describe(`two processes on one ${database.name} store`, () => {
    let installation: Installation;
    let client: string;
    beforeAll(async () => {
      installation = await startInstallation(await database.createUrl());
      client = await register(installation);
    });
    afterAll(() => installation?.close());

    const refusedAtTheOther = (token: string, from: number) =>
      until(from, BOUND_MS, async () => (await statusOf(installation.replicas[1], token)) !== 200, "the refusal");

    test("started at the same moment, agree on one signing key", async () => {
      const documents = await Promise.all(
        installation.replicas.map(async (replica) => (await replica.fetch("/jwks")).json()),
      );
      expect(documents[0]).toMatchObject({ keys: [{ kty: "EC" }] });
      expect(documents[1]).toEqual(documents[0]);
    });

    test("a key rotated by command signs at both, both keys are published, and what a removed one signed is refused within 2 s", {
      timeout: 60_000,
    }, async ({ annotate }) => {
      const [first, second] = installation.replicas;
      const person = await preparePerson(installation);
      const old = await openSession(installation, person, client);
      const kidOf = (token: string) => decodeProtectedHeader(token).kid ?? "";
      const published = async (replica: Replica) => {
        const { keys } = (await (await replica.fetch("/jwks")).json()) as { keys: { kid: string }[] };
        return keys.map(({ kid }) => kid);
      };
      expect(await installation.operate("keys", "rotate")).toMatch(/ \(ES256\) signs from now on\./);
      const fresh = await openSession(installation, person, client);
      const [before, after] = [kidOf(old.access_token), kidOf(fresh.access_token)];
      expect(after).not.toBe(before);
      for (const replica of installation.replicas) {
        expect(await published(replica)).toEqual(expect.arrayContaining([before, after]));
        for (const { access_token } of [old, fresh]) expect(await statusOf(replica, access_token)).toBe(200);
      }
      const list = await installation.operate("keys", "list");
      expect(list).toMatch(new RegExp(`${after} +ES256 .* signs`));
      expect(list).toMatch(new RegExp(`${before} +ES256 .* published, replaced `));
      await expect(installation.operate("keys", "remove", after)).rejects.toThrow(/this key signs/);

      await installation.operate("keys", "remove", before);
      const from = performance.now();
      const took = await Promise.all(
        installation.replicas.map((replica) =>
          until(from, BOUND_MS, async () => (await statusOf(replica, old.access_token)) === 401, "401"),
        ),
      );
      await annotate(`refused after ${took.map(Math.round).join(" and ")} ms`);
      for (const replica of installation.replicas) expect(await statusOf(replica, fresh.access_token)).toBe(200);
      expect(await published(second)).not.toContain(before);
      // The session itself goes on.
      const body = { grant_type: "refresh_token", refresh_token: old.refresh_token, client_id: client };
      const renewed = await second.token(body);
      expect(await statusOf(first, renewed.body.access_token ?? "")).toBe(200);
    });

    test("a person who signs in at one is served at both", async () => {
      const said = await installation.operate("user", "add", "sam", "--role", "support");
      const sam = createPerson({ code: () => /Sign-in code: (\S+)/.exec(said)?.[1] ?? "", userName: "sam" });
      const tokens = await (await createStrictClient(installation.resource)).authorize(sam);
      const statuses = installation.replicas.map((replica) => statusOf(replica, tokens.access_token));
      expect(await Promise.all(statuses)).toEqual([200, 200]);
    });

    test(`revoked at one, ${ROUNDS * SESSIONS_PER_ROUND} sessions are refused at the other within 2 s`, {
      timeout: 60_000,
    }, async ({ annotate }) => {
      const person = await preparePerson(installation);
      const [first, second] = installation.replicas;
      const measured: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const sessions = await Promise.all(
          Array.from({ length: SESSIONS_PER_ROUND }, () => openSession(installation, person, client)),
        );
        // Known and found live at the other before: the refusal has to overcome everything that is remembered there.
        for (const { access_token } of sessions) expect(await statusOf(second, access_token)).toBe(200);
        measured.push(
          ...(await Promise.all(
            sessions.map(async ({ access_token, refresh_token }, index) => {
              const token = index % 2 === 0 ? refresh_token : access_token;
              const body = new URLSearchParams({ token, client_id: client });
              const { status } = await first.fetch("/revoke", { method: "POST", body });
              expect(status).toBe(200);
              return refusedAtTheOther(access_token, performance.now());
            }),
          )),
        );
      }
      const { median, p99, max } = summary(measured);
      await annotate(`${measured.length} revocations: median ${median} ms, p99 ${p99} ms, max ${max} ms`);
      expect(measured).toHaveLength(ROUNDS * SESSIONS_PER_ROUND);
      expect(max).toBeLessThan(BOUND_MS);
    });

    test("event streams at the other are cut when their session is revoked at the first", async () => {
      const { upstream, replicas } = installation;
      upstream.behaviours.set("look", (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(
          'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n',
        );
      });
      const session = await openSession(installation, await preparePerson(installation), client);
      const stream = await call(replicas[1], session.access_token, "look");
      expect(stream.status).toBe(200);
      const reader = stream.body?.getReader();
      expect((await reader?.read())?.done).toBe(false);
      await installation.operate("revoke", "--session", session.id);
      const from = performance.now();
      // An end of the body or a broken connection: either way nothing more arrives.
      let over = false;
      for (; !over; ) over = (await reader?.read().catch(() => undefined))?.done ?? true;
      expect(performance.now() - from).toBeLessThan(BOUND_MS);
      upstream.behaviours.delete("look");
    });

    test("what the operator ends is refused at both: a session, a person's sessions, a person", async () => {
      const [one, two, three] = await Promise.all([1, 2, 3].map(() => preparePerson(installation)));
      const commands = [
        { person: one, command: (id: string) => ["revoke", "--session", id] },
        { person: two, command: () => ["revoke", "--user", two?.name ?? ""] },
        { person: three, command: () => ["user", "disable", three?.name ?? ""] },
      ];
      for (const { person, command } of commands) {
        if (person === undefined) throw new Error("three people were made");
        const session = await openSession(installation, person, client);
        for (const replica of installation.replicas) expect(await statusOf(replica, session.access_token)).toBe(200);
        await installation.operate(...command(session.id));
        const from = performance.now();
        for (const replica of installation.replicas) {
          await until(from, BOUND_MS, async () => (await statusOf(replica, session.access_token)) === 401, "the 401");
          const form = { grant_type: "refresh_token", client_id: client, refresh_token: session.refresh_token };
          expect(await replica.token(form)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
        }
      }
    });

    test("what was exchanged, at whichever, ends at both with the link it hangs on, and with its client", async () => {
      const { replicas } = installation;
      const { form } = await makeCode(installation, await preparePerson(installation), "agent");
      const token = async (replica: Replica, fields: Readonly<Record<string, string>>) => {
        const { status, body } = await replica.token({ ...fields, client_id: "agent", client_secret: AGENT_SECRET });
        expect(status, JSON.stringify(body)).toBe(200);
        return body.access_token ?? "";
      };
      const exchange = (replica: Replica, subject_token: string) =>
        token(replica, {
          grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
          subject_token,
          subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
        });
      const parent = await token(replicas[0], form);
      const child = await exchange(replicas[1], parent);
      const grandchild = await exchange(replicas[0], child);
      const statuses = async () =>
        Promise.all(
          [parent, child, grandchild].map((each) => Promise.all(replicas.map((replica) => statusOf(replica, each)))),
        );
      const LIVE = [200, 200];
      const ENDED = [401, 401];
      expect(await statuses()).toEqual([LIVE, LIVE, LIVE]);
      const becomes = async (wanted: readonly (readonly number[])[]) =>
        until(performance.now(), BOUND_MS, async () => JSON.stringify(await statuses()) === JSON.stringify(wanted));
      // The operator sees which hangs on which.
      const [first, second, third] = [parent, child, grandchild].map((each) => decodeJwt<{ sid: string }>(each).sid);
      const listed = await installation.operate("session", "list", "--client", "agent");
      expect(listed).toMatch(/ exchanged from$/m);
      expect(listed).toMatch(new RegExp(`^${second} .* ${first}$`, "m"));
      expect(listed).toMatch(new RegExp(`^${third} .* ${second}$`, "m"));
      await installation.operate("revoke", "--session", second ?? "");
      await becomes([LIVE, ENDED, ENDED]);
      await installation.operate("client", "revoke", "agent");
      await becomes([ENDED, ENDED, ENDED]);
    });

    test("an entitlement that is taken away is refused at both", async () => {
      const person = await preparePerson(installation, []);
      await installation.operate("user", "allow", person.name, "mcp:read", "--server", "notes");
      const session = await openSession(installation, person, client);
      const allowed = installation.replicas.map((replica) => call(replica, session.access_token, "look"));
      for (const response of await Promise.all(allowed)) expect(await response.json()).toHaveProperty("result");
      await installation.operate("user", "allow", person.name, "--server", "notes");
      const from = performance.now();
      for (const replica of installation.replicas) {
        const isRefused = async () =>
          !Object.hasOwn((await (await call(replica, session.access_token, "look")).json()) as object, "result");
        await until(from, BOUND_MS, isRefused, "the refusal");
      }
    });

    test("a refresh token presented at both at once is rotated once, and both answer with the one successor (R-71)", async () => {
      const person = await preparePerson(installation);
      for (let race = 0; race < RACES; race++) {
        const session = await openSession(installation, person, client);
        const form = { grant_type: "refresh_token", client_id: client, refresh_token: session.refresh_token };
        const answers = await Promise.all(
          [0, 1, 0, 1].map((index) => installation.replicas[index === 0 ? 0 : 1].token(form)),
        );
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
        const successors = new Set(answers.map(({ body }) => body.refresh_token));
        expect(successors.size).toBe(1);
        expect(successors.has(session.refresh_token)).toBe(false);
        const [successor = ""] = successors;
        expect((await installation.replicas[1].token({ ...form, refresh_token: successor })).status).toBe(200);
      }
    });

    test("a code redeemed at both at once gives tokens exactly once, and never fails otherwise", async () => {
      const person = await preparePerson(installation);
      for (let race = 0; race < RACES; race++) {
        const { form } = await makeCode(installation, person, client);
        const answers = await Promise.all(installation.replicas.map((replica) => replica.token(form)));
        const tokens = answers.filter(({ status }) => status === 200);
        for (const { status, body } of answers) {
          if (status !== 200) expect({ status, error: body.error }).toEqual({ status: 400, error: "invalid_grant" });
        }
        expect(tokens).toHaveLength(1);
        // Whoever had the code twice may be its thief: what the first time gave has ended.
        for (const { body } of tokens) {
          const { access_token = "" } = body;
          await until(
            performance.now(),
            BOUND_MS,
            async () => (await statusOf(installation.replicas[1], access_token)) === 401,
          );
        }
      }
    });

    test("what one has recorded as used is used for the other", async () => {
      const key = `assertion-${performance.now()}`;
      const other = await installation.store.replay.record("jti", key, 2_000_000_000, 1_900_000_000);
      expect([other, await installation.store.replay.record("jti", key, 2_000_000_000, 1_900_000_000)]).toEqual([
        true,
        false,
      ]);
    });
  });
}
