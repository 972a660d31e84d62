import type { Principal } from "@sallyport/auth";
import { createTestSystem } from "@sallyport/auth/testing";
import { describe, expect, test, vi } from "vitest";
import type { Change, ChangeFeed } from "./feed.js";
import { createLiveness, type LivenessOptions } from "./liveness.js";
import type { PrincipalRecord } from "./records.js";

const RESOURCE = "https://mcp.example/mcp";
const RECORD: PrincipalRecord = { roles: ["support"], entitled: ["mcp:write"], granted: ["mcp:read"] };

function principal(claims: Partial<Principal> = {}): Principal {
  return {
    ...{ iss: "https://as.example", sub: "u", client_id: "c", sid: "s", jti: "j", scopes: ["mcp:read"], kind: "user" },
    ...{ actor: undefined, chain: [], cnf: undefined, roles: [], exp: 1_800_000_600, iat: 1_800_000_000 },
    ...claims,
  } as Principal;
}

async function create(options: Partial<LivenessOptions> = {}) {
  const system = createTestSystem();
  const rows: Change[] = [];
  const state = { record: RECORD as PrincipalRecord | undefined, loads: 0, feedFails: false, storeFails: false };
  const liveness = createLiveness({
    feed: {
      since: async (seq) => {
        if (state.feedFails) throw new Error("no store");
        return rows.filter((row) => row.seq > seq).slice(0, 1_000);
      },
      head: async () => rows.length,
    },
    records: {
      load: async () => {
        state.loads += 1;
        if (state.storeFails) throw new Error("no store");
        return state.record;
      },
    },
    system,
    lookEveryMs: 3_600_000,
    ...options,
  });
  const announce = (kind: Change["kind"], key: string) =>
    rows.push({ seq: rows.length + 1, kind, key, at: system.now() });
  const ask = liveness.isLive(RESOURCE);
  const know = async (who: Principal) => ask(who);
  /** The answer of memory; fails where there is none. */
  const isLive = (who: Principal) => {
    const answer = ask(who);
    if (answer instanceof Promise) throw new Error("not in memory");
    return answer;
  };
  return { liveness, system, state, announce, isLive, know };
}

describe("before anything is known", () => {
  test("the answer is unknown, never yes: until the feed was read, and until the record is loaded", async () => {
    const { liveness, isLive, know } = await create();
    expect(isLive(principal())).toEqual({ status: "unknown", retryAfter: 1 });
    await liveness.start();
    expect(await know(principal())).toEqual({ status: "live", ...RECORD });
    liveness.close();
  });

  test("what was revoked before the process began is read from the beginning of the feed", async () => {
    const { liveness, announce, isLive } = await create();
    for (let count = 0; count < 2_500; count++) announce("session", `other-${count}`);
    announce("session", "s");
    await liveness.start();
    expect(isLive(principal()).status).toBe("revoked");
    liveness.close();
  });
});

async function started() {
  const world = await create();
  await world.liveness.look();
  await world.know(principal());
  return world;
}

describe("a caller who is known", () => {
  test("is answered from memory with the same arrays, and loaded once for each token", async () => {
    const { isLive, know, state } = await started();
    const who = principal();
    const first = isLive(who);
    expect(isLive(who)).toBe(first);
    expect(state.loads).toBe(1);
    state.record = { ...RECORD, granted: ["mcp:write"] };
    // A token that was issued after a wider consent is not judged by the grant as it was.
    expect(await know(principal({ jti: "j2" }))).toMatchObject({ granted: ["mcp:write"] });
    expect(state.loads).toBe(2);
  });

  const ENDED: readonly {
    what: string;
    kind: Change["kind"];
    key: string;
    claims?: Partial<Principal>;
    status: string;
  }[] = [
    { what: "its session", kind: "session", key: "s", status: "revoked" },
    { what: "another session", kind: "session", key: "s2", status: "live" },
    { what: "its client", kind: "client", key: "c", status: "revoked" },
    { what: "a cutoff after its token", kind: "cutoff", key: "1800000001", status: "revoked" },
    { what: "a cutoff at its token", kind: "cutoff", key: "1800000000", status: "live" },
    {
      what: "its grant, where no session is known",
      kind: "grant",
      key: JSON.stringify(["u", "c", RESOURCE]),
      claims: { sid: undefined },
      status: "revoked",
    },
    {
      what: "its grant on another resource",
      kind: "grant",
      key: JSON.stringify(["u", "c", "https://other.example/mcp"]),
      claims: { sid: undefined },
      status: "live",
    },
  ];
  test.each(ENDED)("is $status at the next look after the end of $what", async ({ kind, key, claims, status }) => {
    const { liveness, announce, isLive, know } = await started();
    const who = principal(claims);
    expect((await know(who)).status).toBe("live");
    announce(kind, key);
    await liveness.look();
    expect(isLive(who).status).toBe(status);
    expect(liveness.standing(who, RESOURCE)).toBe(status);
  });

  test("whose client was made anew is live with a token from after that", async () => {
    const { liveness, announce, know, system } = await started();
    announce("client", "c");
    await liveness.look();
    expect((await know(principal({ iat: system.now() + 1, jti: "new", sid: "s9" }))).status).toBe("live");
  });

  test("is loaded again when the feed names the user; a removed entitlement bites, a disabled user is revoked", async () => {
    const { liveness, announce, isLive, state } = await started();
    state.record = { ...RECORD, entitled: [] };
    announce("user", "u");
    await liveness.look();
    await liveness.settled();
    expect(isLive(principal())).toMatchObject({ entitled: [] });
    state.record = undefined;
    announce("user", "u");
    let told = 0;
    liveness.onLook(() => {
      told += 1;
    });
    await liveness.look();
    await liveness.settled();
    expect(isLive(principal()).status).toBe("revoked");
    expect(liveness.standing(principal(), RESOURCE)).toBe("revoked");
    expect(told).toBe(2); // at the look, and when the record came
  });

  test("whose changed record cannot be loaded is unknown after a second, until it can", async () => {
    const { liveness, announce, isLive, know, state, system } = await started();
    state.storeFails = true;
    announce("user", "u");
    await liveness.look();
    await liveness.settled();
    expect(isLive(principal()).status).toBe("live");
    system.advance(2);
    await liveness.look();
    await liveness.settled();
    expect((await know(principal())).status).toBe("unknown");
    state.storeFails = false;
    await liveness.look();
    await liveness.settled();
    expect(isLive(principal()).status).toBe("live");
  });

  test("is forgotten when there are too many, and loaded again when coming back", async () => {
    const world = await create({ callers: 2 });
    await world.liveness.look();
    for (const sub of ["a", "b", "c"]) await world.know(principal({ sub }));
    expect(world.state.loads).toBe(3);
    expect((await world.know(principal({ sub: "a" }))).status).toBe("live");
    expect(world.state.loads).toBe(4);
  });
});

test("a caller whose record does not come in time is unknown, and the next try may do better", async () => {
  const loads: ((record: PrincipalRecord) => void)[] = [];
  const records = { load: () => new Promise<PrincipalRecord>((resolve) => loads.push(resolve)) };
  const { liveness, know } = await create({ records, loadTimeoutMs: 1 });
  await liveness.look();
  expect((await know(principal())).status).toBe("unknown");
  loads[0]?.(RECORD);
  expect((await know(principal())).status).toBe("live");
});

test("a session that ends while its record is read is revoked", async () => {
  const world = await create();
  await world.liveness.look();
  const answer = world.know(principal());
  world.announce("session", "s");
  await world.liveness.look();
  expect((await answer).status).toBe("revoked");
});

test("a store that tells of changes is looked at when it does, also where a look was under way", async () => {
  let tell: () => void = () => undefined;
  let stopped = false;
  const rows: Change[] = [];
  const asked: number[] = [];
  let release: () => void = () => undefined;
  const feed: ChangeFeed = {
    since: async (seq) => {
      const seen = rows.filter((row) => row.seq > seq);
      asked.push(seq);
      if (asked.length === 2) await new Promise<void>((resolve) => (release = resolve));
      return seen;
    },
    head: async () => rows.length,
    onChange: (listener) => {
      tell = listener;
      return async () => {
        stopped = true;
      };
    },
  };
  const { liveness, isLive, know } = await create({ feed });
  await liveness.start();
  expect((await know(principal())).status).toBe("live");
  const before = liveness.look();
  // What this look has read does not hold what is announced now.
  rows.push({ seq: 1, kind: "session", key: "s", at: 1_800_000_000 });
  for (let index = 0; index < 100; index += 1) tell();
  release();
  await before;
  expect(isLive(principal()).status).toBe("live");
  await vi.waitFor(() => expect(isLive(principal()).status).toBe("revoked"), { timeout: 5_000, interval: 5 });
  expect(asked).toHaveLength(3);
  liveness.close();
  expect(stopped).toBe(true);
});

describe("a feed that is silent", () => {
  test("makes every answer unknown after 5 s by the monotonic clock, and streams stale; a look heals it", async () => {
    const { liveness, isLive, state, system } = await started();
    state.feedFails = true;
    system.advance(5);
    await liveness.look();
    expect(isLive(principal()).status).toBe("live");
    system.advance(1);
    await liveness.look();
    expect(isLive(principal())).toEqual({ status: "unknown", retryAfter: 1 });
    expect(liveness.standing(principal(), RESOURCE)).toBe("stale");
    state.feedFails = false;
    await liveness.look();
    expect(isLive(principal()).status).toBe("live");
    expect(system.lines.map(({ message }) => message)).toContain("change feed not read");
  });

  test("does not bring back what was revoked", async () => {
    const { liveness, announce, isLive, state, system } = await started();
    announce("session", "s");
    await liveness.look();
    state.feedFails = true;
    system.advance(60);
    await liveness.look();
    expect(isLive(principal()).status).toBe("revoked");
  });
});

test("what was ended is forgotten when no token can be left of it", async () => {
  const { liveness, announce, isLive, know, system } = await started();
  announce("session", "s");
  await liveness.look();
  system.advance(600);
  await liveness.look();
  expect(isLive(principal()).status).toBe("revoked");
  system.advance(61);
  await liveness.look();
  expect((await know(principal())).status).toBe("live");
});

test("a removed key is told of once, and ends nobody's session", async () => {
  let told = 0;
  const { liveness, announce, know } = await create({ onKeyRemoved: () => (told += 1) });
  await liveness.start();
  announce("key", "kid");
  await liveness.look();
  await liveness.look();
  expect([told, (await know(principal())).status]).toEqual([1, "live"]);
});
