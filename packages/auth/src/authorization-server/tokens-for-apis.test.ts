import { decodeJwt } from "jose";
import { describe, expect, test } from "vitest";
import { formatAccessToken } from "../oauth/access-token.js";
import { createTestAgents, type TestAgents } from "../testing/agents.js";
import { describeTestResource, TEST_ISSUER, TEST_RESOURCE } from "../testing/authorization-server.js";

const API = "https://api.example";
const WIKI = "https://mcp.example/wiki";
/** The API calls its scopes as the resources do, and gives the greater one for the lesser. */
const SCOPES = { "mcp:write": { from: ["mcp:read"] } };

const setUp = () =>
  createTestAgents(["chat", "crm-server", "api-server"], {
    resources: () => [TEST_RESOURCE, WIKI],
    describeResource: async (resource) => describeTestResource(resource),
    apis: [{ resource: API, scopes: SCOPES }],
    mayExchange: () => ({ resources: [API, TEST_RESOURCE, WIKI], serves: [TEST_RESOURCE, API] }),
    introspectedBy: (client_id) => ({ "crm-server": [TEST_RESOURCE], "api-server": [API] })[client_id] ?? [],
  });

const answerOf = async (answer: Response) => [answer.status, ((await answer.json()) as { error?: string }).error];

/** A token for the API that a gateway has made in its own process, of the session that the person has in front. */
async function madeInProcess({ server }: TestAgents, access_token: string): Promise<string> {
  const { sub, sid } = decodeJwt(access_token);
  const now = server.system.now();
  const claims = { iss: TEST_ISSUER, sub: String(sub), sid: String(sid), aud: API, client_id: TEST_RESOURCE };
  const act = { sub: TEST_RESOURCE, client_id: TEST_RESOURCE };
  const rest = { scope: "mcp:write", jti: "1", iat: now, exp: now + 600, act };
  return formatAccessToken({ ...claims, ...rest }, server.options.keys);
}

const exchanged = async (agents: TestAgents, access_token: string) => {
  const answer = await agents.exchange("chat", access_token, { resource: API });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { access_token: string }).access_token;
};

describe.each([
  ["made in the process of the gateway", madeInProcess],
  ["exchanged", exchanged],
] as const)("a token for an API that was %s (exchange-widen)", (_how, make) => {
  test.each([
    ["the resource it came from", { resource: TEST_RESOURCE }],
    ["another resource", { resource: WIKI }],
    ["whatever it is for", {}],
    ["the API itself", { resource: API }],
  ])("is exchanged for no token of %s", async (_target, target) => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("chat", "mcp:read");
    const forApi = await make(agents, access_token);
    expect(decodeJwt(forApi)).toMatchObject({ aud: API, scope: "mcp:write" });
    for (const client_id of ["chat", "crm-server"]) {
      expect(await answerOf(await agents.exchange(client_id, forApi, target))).toEqual([400, "invalid_request"]);
    }
  });

  test("is active for the API alone, and says that it is for it", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("chat", "mcp:read");
    const forApi = await make(agents, access_token);
    const ask = async (client_id: string) => {
      const authorization = `Basic ${btoa(`${client_id}:${encodeURIComponent(`secret of ${client_id}`)}`)}`;
      const body = new URLSearchParams({ token: forApi });
      const init = { method: "POST", body, headers: { authorization } };
      return (await agents.server.fetch(`${TEST_ISSUER}/introspect`, init)).json();
    };
    expect(await ask("crm-server")).toEqual({ active: false });
    expect(await ask("api-server")).toMatchObject({ active: true, aud: API, sub: "ada", scope: "mcp:write" });
  });
});

describe("a token for an API that stands in front of another", () => {
  const FRONT = "https://server.example/mcp";
  const chained = (serves: readonly string[]) =>
    createTestAgents(["chat", "crm-server"], {
      resources: () => [TEST_RESOURCE, WIKI],
      describeResource: async (resource) => describeTestResource(resource),
      apis: [
        { resource: FRONT, scopes: { "srv:read": { from: ["mcp:read"] } } },
        {
          resource: API,
          scopes: { "crm:read": { from: ["srv:read"] }, "crm:write": { from: ["srv:write"] } },
          behind: FRONT,
        },
      ],
      mayExchange: () => ({ resources: [FRONT, API, TEST_RESOURCE], serves }),
    });

  test("is exchanged for one of that, by whoever serves the one in front, and the chain names everybody", async () => {
    const agents = await chained([FRONT]);
    const { access_token } = await agents.ofPerson("chat", "mcp:read");
    const front = await agents.exchange("chat", access_token, { resource: FRONT });
    const { access_token: forFront } = (await front.json()) as { access_token: string };
    const answer = await agents.exchange("crm-server", forFront, { resource: API });
    expect(answer.status).toBe(200);
    const { access_token: forApi } = (await answer.json()) as { access_token: string };
    expect(decodeJwt(forApi)).toMatchObject({
      aud: API,
      scope: "crm:read",
      sub: "ada",
      act: { client_id: "crm-server" },
    });
    // Nothing leads on from there, back, or to more.
    for (const target of [{ resource: API }, { resource: FRONT }, { resource: TEST_RESOURCE }, {}]) {
      expect(await answerOf(await agents.exchange("crm-server", forApi, target))).toEqual([400, "invalid_request"]);
    }
    expect(
      (await answerOf(await agents.exchange("crm-server", forFront, { resource: API, scope: "crm:write" })))[0],
    ).toBe(400);
    for (const target of [{ resource: FRONT }, { resource: TEST_RESOURCE }, {}]) {
      expect(await answerOf(await agents.exchange("crm-server", forFront, target))).toEqual([400, "invalid_request"]);
    }
  });

  test("leads nowhere for a client that does not serve it, and no resource leads behind it (exchange-widen)", async () => {
    const agents = await chained([TEST_RESOURCE]);
    const { access_token } = await agents.ofPerson("chat", "mcp:read");
    const front = await agents.exchange("chat", access_token, { resource: FRONT });
    const { access_token: forFront } = (await front.json()) as { access_token: string };
    expect((await answerOf(await agents.exchange("crm-server", forFront, { resource: API })))[0]).toBe(400);
    expect((await answerOf(await agents.exchange("chat", access_token, { resource: API })))[0]).toBe(400);
  });
});
