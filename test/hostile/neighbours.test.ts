import { join } from "node:path";
import Libsql from "libsql";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  bearer,
  CALLBACK,
  call,
  createPkce,
  FORM_TYPE,
  form,
  type Granted,
  type Ground,
  headersOf,
  prepareGround,
  rpc,
  titled,
} from "./ground.js";
import { consentForm, nextAddress } from "./visitor.js";
import { formatRequest, openSocket, type WireRequest } from "./wire.js";

/* Two people of one installation, and one person with two programs: what is whose. Then: what ends, and how soon. */
let ground: Ground;
let client_id: string;
let alice: Granted;
let session: string;
let event: string;

beforeAll(async () => {
  ground = await prepareGround();
  client_id = await ground.register();
  alice = await ground.grant(ground.owner, client_id);
  session = await initialize(alice);
  event = (await openStream(alice, session)).id;
});
afterAll(() => ground.close());
beforeEach(() => ground.upstream.forget());

async function initialize(who: Granted): Promise<string> {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
  const answer = await ground.ask({ headers: headersOf(who.access_token), body: rpc("initialize", params) });
  return answer.headers["mcp-session-id"] ?? "";
}

/** Opens the stream of a session; `ended` settles when the gateway ends it. */
async function openStream(who: Granted, id: string) {
  const { host, port } = new URL(ground.program.mcpUrl);
  const socket = await openSocket(Number(port));
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const first = new Promise<string>((resolve, reject) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("utf8");
      const found = /^id: (.+)$/m.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    socket.once("close", () => reject(new Error(text)));
  });
  const headers = [
    bearer(who.access_token),
    ["accept", "text/event-stream"],
    ["mcp-session-id", id],
    ["mcp-protocol-version", "2025-11-25"],
  ] as const;
  socket.write(formatRequest(host, { method: "GET", headers }));
  return { id: await first, ended, close: () => socket.destroy() };
}

const version = ["mcp-protocol-version", "2025-11-25"] as const;
const sessioned = (id: string): readonly (readonly [string, string])[] => [["mcp-session-id", id], version];

interface Reach {
  readonly title: string;
  readonly request: () => WireRequest;
  readonly status: number;
  readonly code: number | string;
}

const MISSING = { status: 404, code: -32001 };
const flip = (id: string) => (id.startsWith("A") ? "B" : "A") + id.slice(1);
const REACHES: readonly Reach[] = [
  {
    title: "session-as-auth: a call",
    request: () => ({ headers: sessioned(session), body: call("look") }),
    ...MISSING,
  },
  {
    title: "session-as-auth: a notification",
    request: () => ({
      headers: sessioned(session),
      body: JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } }),
    }),
    ...MISSING,
  },
  {
    title: "session-as-auth: an answer to the server's question",
    request: () => ({ headers: sessioned(session), body: JSON.stringify({ jsonrpc: "2.0", id: 1, result: {} }) }),
    ...MISSING,
  },
  { title: "session-as-auth: the stream", request: () => ({ method: "GET", headers: sessioned(session) }), ...MISSING },
  { title: "session-as-auth: the end", request: () => ({ method: "DELETE", headers: sessioned(session) }), ...MISSING },
  {
    title: "session-as-auth: the upstream's own id",
    request: () => ({ headers: sessioned("upstream-session-1"), body: call("look") }),
    ...MISSING,
  },
  {
    title: "session-as-auth: a flipped letter",
    request: () => ({ headers: sessioned(flip(session)), body: call("look") }),
    ...MISSING,
  },
  {
    title: "session-as-auth: an event id as a session id",
    request: () => ({ headers: sessioned(event), body: call("look") }),
    ...MISSING,
  },
  {
    title: "session-as-auth: two session ids",
    request: () => ({ headers: [...sessioned(session), ["mcp-session-id", "x"]], body: call("look") }),
    status: 400,
    code: -32020,
  },
  {
    title: "session-as-auth: no id for the stream",
    request: () => ({ method: "GET", headers: [version] }),
    status: 405,
    code: -32000,
  },
  {
    title: "session-as-auth: no id for the end",
    request: () => ({ method: "DELETE", headers: [version] }),
    status: 400,
    code: -32600,
  },
  {
    title: "session-as-auth: an answer without a session",
    request: () => ({ headers: [version], body: JSON.stringify({ jsonrpc: "2.0", id: 1, result: {} }) }),
    status: 400,
    code: -32600,
  },
];

describe("R-33, R-34, R-35: another's session does not exist", () => {
  let bob: Granted;
  let other: Granted;
  beforeAll(async () => {
    bob = await ground.grant(await ground.invite("bob", ["mcp:write"]), client_id);
    other = await ground.grant(ground.owner, await ground.register({ client_name: "Another program" }));
  });

  test.each(titled(REACHES))("%s, by another person", async (_, { request, status, code }) => {
    const { headers = [], ...rest } = request();
    const answer = await ground.ask({ ...rest, headers: [...headersOf(bob.access_token), ...headers] });
    expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
    expect(ground.upstream.arrived).toEqual([]);
  });

  test.each(titled(REACHES.slice(0, 5)))(
    "%s, by another program of the same person",
    async (_, { request, status, code }) => {
      const { headers = [], ...rest } = request();
      const answer = await ground.ask({ ...rest, headers: [...headersOf(other.access_token), ...headers] });
      expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
      expect(ground.upstream.arrived).toEqual([]);
    },
  );

  test.each(titled(REACHES.slice(0, 5)))(
    "auth-once-per-session: %s, with the session and no token",
    async (_, { request }) => {
      const { headers = [], ...rest } = request();
      const answer = await ground.ask({ ...rest, headers: [["content-type", "application/json"], ...headers] });
      expect({ status: answer.status, code: answer.code }).toEqual({ status: 401, code: "unauthorized" });
      expect(ground.upstream.arrived).toEqual([]);
    },
  );

  test("R-34: another's event id opens nothing, in one's own session either", async () => {
    const own = await initialize(bob);
    ground.upstream.forget();
    for (const id of [event, "event-1", session]) {
      const headers = [...headersOf(bob.access_token), ...sessioned(own), ["last-event-id", id]] as const;
      const answer = await ground.ask({ method: "GET", headers });
      expect({ status: answer.status, code: answer.code }, id).toEqual(MISSING);
    }
    expect(ground.upstream.arrived).toEqual([]);
  });

  test("ids that leave the gateway are not the upstream's, and come back as the upstream's", async () => {
    expect(session).not.toContain("upstream-session");
    expect(event).not.toContain("event-1");
    await ground.ask({ headers: [...headersOf(alice.access_token), ...sessioned(session)], body: call("look") });
    const [arrived] = ground.upstream.arrived;
    expect(arrived?.headers.find(([name]) => name === "mcp-session-id")?.[1]).toMatch(/^upstream-session-\d+$/);
  });

  test("two windows of one person and program share the session, each by its own token", async () => {
    const second = await ground.grant(ground.owner, client_id);
    const answer = await ground.ask({
      headers: [...headersOf(second.access_token), ...sessioned(session)],
      body: call("look"),
    });
    expect(answer.status).toBe(200);
  });

  test("cross-client-leak: equal ids of two people at the same time get each their own answer", async () => {
    ground.upstream.behaviours.set("look", (response, id) => {
      const { body } = ground.upstream.arrived.at(-1) ?? { body: "" };
      const { path } = JSON.parse(body).params.arguments;
      const result = { content: [{ type: "text", text: path }] };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
    });
    const asked = Array.from({ length: 40 }, (_, index) => ({
      who: index % 2 === 0 ? alice : bob,
      path: `secret ${index}`,
    }));
    const answers = await Promise.all(
      asked.map(({ who, path }) => ground.ask({ headers: headersOf(who.access_token), body: call("look", { path }) })),
    );
    expect(answers.map(({ text }) => JSON.parse(text).result.content[0].text)).toEqual(asked.map(({ path }) => path));
    ground.upstream.behaviours.clear();
  });
});

const SOON = { timeout: 2_000, interval: 50 };
const statusOf = (who: Granted, body = call("look")) =>
  ground.ask({ headers: headersOf(who.access_token), body }).then(({ status }) => status);
const refresh = (who: Granted) =>
  ground.token({ grant_type: "refresh_token", refresh_token: who.refresh_token, client_id });

describe("token-revoked-cache: what ends, ends within two seconds, open streams included", () => {
  test("a token that its client revoked", async () => {
    const granted = await ground.grant(ground.owner, client_id);
    expect(await statusOf(granted)).toBe(200);
    const stream = await openStream(granted, await initialize(granted));
    const answer = await ground.ask({
      path: "/revoke",
      headers: [FORM_TYPE],
      body: form({ token: granted.refresh_token, client_id }),
    });
    expect(answer.status).toBe(200);
    await expect.poll(() => statusOf(granted), SOON).toBe(401);
    await stream.ended;
    expect((await refresh(granted)).code).toBe("invalid_grant");
    // The laptop's sibling lives on.
    expect(await statusOf(alice)).toBe(200);
  });

  test("a person who was disabled", async () => {
    const carol = await ground.grant(await ground.invite("carol", ["mcp:write"]), client_id);
    const stream = await openStream(carol, await initialize(carol));
    await ground.operate("user", "disable", "carol");
    await expect.poll(() => statusOf(carol), SOON).toBe(401);
    await stream.ended;
    expect((await refresh(carol)).code).toBe("invalid_grant");
    await ground.operate("user", "enable", "carol");
    // Whoever may sign in again starts anew: what was ended in the store no process can revive.
    const { sid } = JSON.parse(Buffer.from(carol.access_token.split(".")[1] ?? "", "base64url").toString());
    expect(await ground.store.sessions.find(sid)).toMatchObject({ revoked: expect.any(Number) });
    expect(await statusOf(carol)).toBe(401);
    expect((await refresh(carol)).code).toBe("invalid_grant");
  });

  test("a client that the operator revoked: its tokens, its streams, its codes, its registration; and no other client", async () => {
    const spy = await ground.register({ client_name: "Spy" });
    const granted = await ground.grant(ground.owner, spy);
    const stream = await openStream(granted, await initialize(granted));
    const pkce = createPkce();
    const page = await ground.owner.walk(ground.authorizationUrl(spy, pkce, { scope: "mcp:read" }));
    const done = await ground.owner.submit(page, consentForm(page), { button: "approve" });
    const code = nextAddress(done)?.searchParams.get("code") ?? "";
    expect(await ground.operate("client", "show", spy)).toContain("calls itself   Spy");
    const { sid } = JSON.parse(Buffer.from(granted.access_token.split(".")[1] ?? "", "base64url").toString());
    expect(await ground.operate("session", "list", "--client", spy)).toContain(sid);
    expect(await ground.operate("client", "revoke", spy)).toContain("Ended 1 session.");
    await expect.poll(() => statusOf(granted), SOON).toBe(401);
    await stream.ended;
    const redeemed = await ground.token({
      ...{ grant_type: "authorization_code", code, client_id: spy, redirect_uri: CALLBACK },
      code_verifier: pkce.verifier,
    });
    expect(redeemed.code).toBe("invalid_client");
    expect((await ground.consent(ground.owner, ground.authorizationUrl(spy, createPkce()))).html).toContain(
      "client_unknown",
    );
    expect(await statusOf(alice)).toBe(200);
    await expect(ground.operate("client", "show", spy)).rejects.toThrow("nobody knows a client");
  });

  test("what began before a time: the bulk cut-off leaves what came later alone", async () => {
    const program = await ground.register({ client_name: "Twice" });
    const before = await ground.grant(ground.owner, program);
    const { iat } = JSON.parse(Buffer.from(before.access_token.split(".")[1] ?? "", "base64url").toString());
    // Sessions are told apart by whole seconds.
    await expect.poll(() => Math.floor(Date.now() / 1000), { timeout: 3_000 }).toBeGreaterThan(iat);
    const after = await ground.grant(ground.owner, program);
    const time = new Date((iat + 1) * 1000).toISOString();
    expect(await ground.operate("revoke", "--client", program, "--issued-before", time)).toContain("Ended 1 session ");
    await expect.poll(() => statusOf(before), SOON).toBe(401);
    const renew = (granted: Granted) =>
      ground.token({ grant_type: "refresh_token", refresh_token: granted.refresh_token, client_id: program });
    expect((await renew(before)).code).toBe("invalid_grant");
    expect(await statusOf(after)).toBe(200);
    expect((await renew(after)).status).toBe(200);
    expect(await statusOf(alice)).toBe(200);
  });

  test("an entitlement that was taken away", async () => {
    const dave = await ground.grant(await ground.invite("dave", ["mcp:write"]), client_id);
    expect(await statusOf(dave, call("change"))).toBe(200);
    await ground.operate("user", "allow", "dave", "mcp:read");
    const code = async () => (await ground.ask({ headers: headersOf(dave.access_token), body: call("change") })).code;
    await expect.poll(code, SOON).toBe(-32602);
    expect(JSON.parse((await refresh(dave)).text).scope).toBe("mcp:read");
    await ground.operate("user", "allow", "dave");
    await expect.poll(() => statusOf(dave, rpc("ping")), SOON).toBe(403);
    expect((await refresh(dave)).code).toBe("invalid_grant");
  });
});

test("a database that another process has locked: nothing is issued, nothing is lost, and all goes on when it is free", {
  timeout: 40_000,
}, async () => {
  const granted = await ground.grant(ground.owner, client_id);
  const database = new Libsql(join(ground.program.dataDir, "default", "sallyport.db"));
  database.exec("begin immediate");
  const during = await refresh(granted);
  expect({ status: during.status, code: during.code }).toEqual({ status: 503, code: "temporarily_unavailable" });
  expect(Number(during.headers["retry-after"])).toBeGreaterThan(0);
  expect(await statusOf(granted)).toBe(200);
  database.exec("rollback");
  database.close();
  const after = await refresh(granted);
  expect(after.status).toBe(200);
});
