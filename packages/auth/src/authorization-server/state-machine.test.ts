import fc from "fast-check";
import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { isAtMost } from "../core/call-detail-match.js";
import type { AskedCallDetail, CallDetail } from "../core/call-details.js";
import { expandScopes } from "../core/scope.js";
import { JWT_BEARER_GRANT } from "../oauth/assertion.js";
import { sha256 } from "../oauth/digest.js";
import { TOKEN_EXCHANGE_GRANT } from "../oauth/token-exchange.js";
import { agentRedirect, createTestAgents, createTestAssertionIssuer, secretOf } from "../testing/agents.js";
import { describeTestResource, TEST_ISSUER, TEST_RESOURCE } from "../testing/authorization-server.js";
import { createTestClient, type TestTokens } from "../testing/client.js";
import { hierarchyOf } from "./entitled-scopes.js";
import { DEVICE_CODE_GRANT } from "./grants/device-code.js";
import type { Session } from "./storage.js";

/*
 * Everything that gives or ends tokens, in any order and at once; what must hold is asked of the store and of every answer, and knows nothing
 * of how the grants are written. Which thing an action takes is an index into what there is by then.
 */
const SCOPES = [["mcp:read"], ["mcp:write"], ["mcp:read", "mcp:write"]] as const;
const scope = fc.constantFrom(...SCOPES.map((scopes) => scopes.join(" ")), undefined);
const index = fc.nat(30);
/** Single calls (RFC 9396), each narrower than one before it or beside it; `undefined`: none are asked for. */
const CALLS: readonly AskedCallDetail[] = [
  { type: "mcp_call", tools: ["search_customers", "update_customer"] },
  { type: "mcp_call", tools: ["update_customer"], limits: { credit: { max: 100 } } },
  { type: "mcp_call", tools: ["update_customer"], arguments: { credit: 50 } },
  { type: "mcp_call", tools: ["update_customer"], arguments: { credit: 50 }, once: true },
  { type: "mcp_call", tools: ["search_customers"], once: true },
];
const calls = fc.option(fc.constantFrom(...CALLS), { nil: undefined });
const asking = (detail: AskedCallDetail | undefined) => ({
  authorization_details: detail && JSON.stringify([detail]),
});

/** Runs beside the others of its batch. */
const action = fc.oneof(
  fc.record({ kind: fc.constant("redeem" as const), index }),
  fc.record({ kind: fc.constant("refresh" as const), index, scope, calls }),
  fc.record({ kind: fc.constant("exchange" as const), index, scope, calls, actor: fc.boolean() }),
  fc.record({ kind: fc.constant("assert" as const), index: fc.nat(4), scope }),
  fc.record({ kind: fc.constant("client" as const), scope, calls }),
  fc.record({ kind: fc.constant("poll" as const), index }),
  fc.record({ kind: fc.constant("revokeToken" as const), index }),
  fc.record({ kind: fc.constant("revokeSubject" as const) }),
);
/** Between two batches: what the world does. */
const event = fc.oneof(
  fc.record({ kind: fc.constant("authorize" as const), scope: fc.constantFrom([], ...SCOPES), calls }),
  fc.record({ kind: fc.constant("device" as const), scope: fc.constantFrom([], ...SCOPES), calls }),
  fc.record({ kind: fc.constant("wait" as const), seconds: fc.constantFrom(1, 29, 61, 599, 86_400) }),
  fc.record({ kind: fc.constant("entitle" as const), scopes: fc.constantFrom([], ...SCOPES) }),
);
const batch = fc.record({
  events: fc.array(event, { minLength: 1, maxLength: 3 }),
  actions: fc.array(action, { minLength: 1, maxLength: 6 }),
});
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

interface Issued {
  readonly access_token: string;
  readonly sid: string;
  readonly scopes: readonly string[];
  readonly details: readonly CallDetail[];
  readonly exp: number;
}

const GRANTS = [
  "authorization_code",
  "refresh_token",
  "client_credentials",
  TOKEN_EXCHANGE_GRANT,
  JWT_BEARER_GRANT,
  DEVICE_CODE_GRANT,
];
const hierarchy = hierarchyOf(describeTestResource(TEST_RESOURCE));
const covers = (held: readonly string[], asked: readonly string[]) => {
  const all = expandScopes(hierarchy, held);
  return asked.every((each) => all.has(each));
};
/** Whether somebody who holds this may hand on that: as one of its details, or as a call of a tool that its scopes permit. */
const contains = (
  held: { readonly scopes: readonly string[]; readonly details: readonly CallDetail[] },
  one: CallDetail,
) =>
  held.details.some((wide) => isAtMost(one, wide) && (wide.once !== true || wide.id === one.id)) ||
  covers(held.scopes, one.tools.includes("update_customer") ? ["mcp:write"] : ["mcp:read"]);
const idp = createTestAssertionIssuer("https://login.acme.example");

async function createWorld() {
  const trusted = await idp;
  const agents = await createTestAgents(["planner", "helper"], {
    trustedIssuers: [{ ...trusted, subjectOf: async () => "ada" }],
    authorizationDetails: true,
    deviceGrant: true,
    metadata: { grant_types: GRANTS },
    lifetimes: { session: 7 * 86_400, sessionIdle: 2 * 86_400 },
  });
  const { server } = agents;
  const { sessions } = server.options.storage;
  const client = await createTestClient(server, { client_id: "planner", redirect_uri: agentRedirect("planner") });
  const [codes, tokens, refreshes, used] = [[] as string[], [] as Issued[], [] as string[], new Map<string, number>()];
  const devices: string[] = [];
  const fromDevices = new Set<string>();
  const single = new Map<string, boolean>();
  const successors = new Map<string, string>();
  const assertions = await Promise.all(
    [0, 1, 2, 3, 4].map((jti) => {
      const iat = server.system.now();
      const claims = { sub: "u-1", aud: TEST_ISSUER, client_id: "planner", jti: `${jti}`, iat, exp: iat + 3600 };
      return trusted.sign(claims, { typ: "oauth-id-jag+jwt" });
    }),
  );
  const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % Math.max(1, list.length)];
  /** Ended at the time the batch began: nothing of it may give anything any more. */
  let endedBefore = new Set<string>();

  async function accept(answer: Response, from: { readonly once?: string; readonly sid?: string }): Promise<void> {
    if (!answer.ok) {
      expect(answer.status, await answer.text()).toBeLessThan(500);
      return;
    }
    const body = (await answer.json()) as TestTokens;
    const { sid = "", exp = 0, sub } = decodeJwt<{ sid: string }>(body.access_token);
    const scopes = body.scope.split(" ").filter(Boolean);
    const details = body.authorization_details ?? [];
    expect(scopes.length + details.length, "no token is for nothing").toBeGreaterThan(0);
    for (const { id, once = false } of details) {
      expect(single.get(id) ?? once, "one call stays one call").toBe(once);
      single.set(id, once);
    }
    if (from.sid !== undefined) expect(endedBefore, "a revoked subject has no live token").not.toContain(from.sid);
    if (from.once !== undefined) {
      used.set(from.once, (used.get(from.once) ?? 0) + 1);
      expect(used.get(from.once), "no code or jti is honoured twice").toBe(1);
    }
    const entitled = agents.entitlements.get(sub ?? "") ?? server.person.entitlement;
    expect(covers(entitled, scopes), "effective ⊆ entitlement").toBe(true);
    const reaches = ({ scope: under }: CallDetail) => under.split(" ").some((each) => covers(entitled, [each]));
    expect(details.every(reaches), "no detail is out of reach").toBe(true);
    tokens.push({ access_token: body.access_token, sid, scopes, details, exp });
    if (body.refresh_token !== undefined) refreshes.push(body.refresh_token);
  }

  async function happen(what: Event): Promise<void> {
    if (what.kind === "wait") server.system.advance(what.seconds);
    else if (what.kind === "entitle") server.person.entitlement = what.scopes;
    else if (what.kind === "device") await connect(what);
    else if (server.person.entitlement.length > 0) {
      // Whoever agreed before passes without a page; who may have nothing gets no code.
      const query = await client
        .approve({ scope: what.scope.join(" ") || undefined, ...asking(what.calls) })
        .catch(() => undefined);
      const code = query?.get("code");
      if (code) codes.push(code);
    }
  }

  const client_secret = secretOf("planner");
  const post = (path: string, fields: Readonly<Record<string, string | undefined>>) => {
    const body = new URLSearchParams(JSON.parse(JSON.stringify(fields)) as Record<string, string>);
    return server.fetch(`${TEST_ISSUER}${path}`, {
      method: "POST",
      body,
      headers: { "sec-fetch-site": "same-origin" },
    });
  };

  /** A device asks, and a person agrees to what they may grant of it; whoever may grant nothing leaves it waiting. */
  async function connect({ scope, calls }: Extract<Event, { kind: "device" }>): Promise<void> {
    const wanted = { scope: scope.join(" ") || undefined, ...asking(calls) };
    const asked = await post("/device_authorization", { client_id: "planner", client_secret, ...wanted });
    const { device_code, user_code } = (await asked.json()) as { device_code: string; user_code: string };
    expect(asked.status).toBe(200);
    const typed = await post("/device", { user_code });
    const page = await server.fetch(typed.headers.get("location") ?? "");
    await server.browser.submit(page, { decision: "approve" }, TEST_ISSUER).catch(() => undefined);
    devices.push(device_code);
  }

  const actions: { readonly [Kind in Action["kind"]]: (what: Extract<Action, { kind: Kind }>) => Promise<unknown> } = {
    redeem: async (what) => {
      const code = pick(codes, what.index);
      if (code !== undefined) await accept(await client.redeem(code, { client_secret }), { once: `code ${code}` });
    },
    refresh: async (what) => {
      const token = pick(refreshes, what.index);
      if (token === undefined) return;
      const sid = (await sessions.findByRefresh(await sha256(token)))?.session.id;
      const answer = await client.refresh(token, { client_secret, scope: what.scope, ...asking(what.calls) });
      if (answer.ok) {
        const { refresh_token = "" } = (await answer.clone().json()) as TestTokens;
        expect(successors.get(token) ?? refresh_token, "one successor").toBe(refresh_token);
        successors.set(token, refresh_token);
      }
      await accept(answer, sid === undefined ? {} : { sid });
    },
    exchange: async (what) => {
      const subject = pick(tokens, what.index);
      if (subject === undefined) return;
      const actor = what.actor ? (await agents.ofClient("helper")).access_token : undefined;
      const actor_token_type = actor && "urn:ietf:params:oauth:token-type:access_token";
      const asked = { scope: what.scope, actor_token: actor, actor_token_type, ...asking(what.calls) };
      const answer = await agents.exchange("planner", subject.access_token, asked);
      if (answer.ok) {
        const body = (await answer.clone().json()) as TestTokens;
        expect(covers(subject.scopes, body.scope.split(" ").filter(Boolean)), "no scope ever widens").toBe(true);
        const narrower = (body.authorization_details ?? []).every((each) => contains(subject, each));
        expect(narrower, "no detail ever widens").toBe(true);
        expect(decodeJwt(body.access_token).exp).toBeLessThanOrEqual(subject.exp);
      }
      await accept(answer, { sid: subject.sid });
    },
    assert: async (what) => {
      const assertion = assertions[what.index] ?? "";
      const answer = await agents.token("planner", { grant_type: JWT_BEARER_GRANT, assertion, scope: what.scope });
      await accept(answer, { once: `jti ${what.index}` });
    },
    client: async (what) =>
      accept(
        await agents.token("planner", { grant_type: "client_credentials", scope: what.scope, ...asking(what.calls) }),
        {},
      ),
    poll: async (what) => {
      const device_code = pick(devices, what.index);
      if (device_code === undefined) return;
      const asked = { grant_type: DEVICE_CODE_GRANT, client_id: "planner", client_secret, device_code };
      const answer = await post("/token", asked);
      if (answer.ok) fromDevices.add(((await answer.clone().json()) as TestTokens).access_token);
      await accept(answer, { once: `device ${device_code}` });
    },
    revokeToken: async (what) => {
      const token = pick(tokens, what.index)?.access_token;
      if (token === undefined) return;
      const body = new URLSearchParams({ token, client_id: "planner", client_secret });
      expect((await server.fetch(`${TEST_ISSUER}/revoke`, { method: "POST", body })).status).toBe(200);
    },
    revokeSubject: () => sessions.revoke({ sub: "ada" }, server.system.now()),
  };

  /** What the store says of every session that a token was given for. */
  async function check(): Promise<void> {
    const now = server.system.now();
    const ended = new Set<string>();
    for (const { sid, scopes, details, exp } of tokens) {
      const session = await sessions.find(sid);
      if (session === undefined) throw new Error("every token has a session");
      expect(exp, "no token outlives its session").toBeLessThanOrEqual(session.expires);
      expect(covers(session.scopes, scopes), "no token is wider than its session").toBe(true);
      const held = { scopes: [], details: session.details ?? [] };
      expect(
        details.every((each) => contains(held, each)),
        "nor in its calls",
      ).toBe(true);
      if (session.revoked !== undefined || now >= session.expires) ended.add(sid);
      await checkDescent(session);
    }
    endedBefore = ended;
  }

  async function checkDescent(session: Session): Promise<void> {
    if (session.parent_id === undefined) return;
    const parent = await sessions.find(session.parent_id);
    if (parent === undefined) throw new Error("every child has a parent");
    expect(parent.revoked !== undefined && session.revoked === undefined, "ends with its parent").toBe(false);
    expect(session.expires).toBeLessThanOrEqual(parent.expires);
    expect([session.sub, session.grant_id]).toEqual([parent.sub, parent.grant_id]);
    expect(covers(parent.scopes, session.scopes), "no scope ever widens").toBe(true);
    const above = { scopes: parent.scopes, details: parent.details ?? [] };
    const narrower = (session.details ?? []).every((each) => contains(above, each));
    expect(narrower, "no detail ever widens").toBe(true);
  }

  return {
    tokens,
    fromDevices,
    async play({
      events,
      actions: together,
    }: {
      readonly events: readonly Event[];
      readonly actions: readonly Action[];
    }) {
      for (const each of events) await happen(each);
      await check();
      await Promise.all(together.map((each) => (actions[each.kind] as (what: Action) => Promise<unknown>)(each)));
      await check();
    },
  };
}

test("whatever happens, in any order and at once, no token is more than what it came from", {
  timeout: 120_000,
}, async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 2, maxLength: 8 }), async (batches) => {
      const world = await createWorld();
      for (const each of batches) await world.play(each);
      for (const { access_token } of world.tokens) {
        const { act, sub, scope: said } = decodeJwt(access_token);
        seen.add(act === undefined ? `${sub}` : "delegated");
        if (said === "") seen.add("single calls");
        if (world.fromDevices.has(access_token)) seen.add("device");
      }
    }),
    { numRuns: 120 },
  );
  // A run that gives no tokens would prove nothing.
  expect([...seen].sort()).toEqual(["ada", "delegated", "device", "planner", "single calls"]);
});
