import { describe, expect, test } from "vitest";
import { createTestAuthorizationServer } from "../testing/authorization-server.js";
import { createTestClient } from "../testing/client.js";
import { freshness } from "./client-documents.js";
import type { AuthorizationServerOptions } from "./contract.js";

type Seen = Parameters<NonNullable<AuthorizationServerOptions["documentSeen"]>>[0];

const CLIENT_ID = "https://editor.example/client.json";
const DOCUMENT = {
  client_id: CLIENT_ID,
  client_name: "Editor",
  redirect_uris: ["http://localhost/callback", "http://127.0.0.1/callback"],
};

type Documents = AuthorizationServerOptions["registration"]["documents"];

async function setUp(
  answer: { status?: number; body?: unknown; headers?: Record<string, string> } = {},
  documents: Documents = "open",
) {
  const web = {
    fetched: [] as string[],
    status: 200,
    body: DOCUMENT as unknown,
    headers: {} as Record<string, string>,
    gate: undefined as Promise<void> | undefined,
    seen: [] as Seen[],
    forgetful: false,
    ...answer,
  };
  const server = await createTestAuthorizationServer({
    registration: { dynamic: true, documents },
    documentSeen: async (document) => {
      if (web.forgetful) throw new Error("no room");
      web.seen.push(document);
    },
    fetchDocument: async (url) => {
      web.fetched.push(url);
      await web.gate;
      const body = typeof web.body === "string" ? web.body : JSON.stringify(web.body);
      const headers = new Headers({ "content-type": "application/json", ...web.headers });
      return { status: web.status, headers, body: new TextEncoder().encode(body) };
    },
  });
  const client = await createTestClient(server, {
    client_id: CLIENT_ID,
    redirect_uri: "http://127.0.0.1:51000/callback",
  });
  return { server, client, web };
}

describe("R-72…R-74: a client that is known by its document", () => {
  test("users.md pain 9: a document with portless loopback URIs serves a client on any port, to the end", async () => {
    const { client } = await setUp();
    const page = await (await client.authorize()).text();
    expect(page).toContain("verified: editor.example");
    expect((await client.connect()).refresh_token).toBeDefined();
  });

  test.each([
    ["another port on another path", "http://127.0.0.1:51000/other"],
    ["another host", "https://evil.example/callback"],
    ["an IPv6 loopback that it does not list", "http://[::1]:51000/callback"],
  ])("%s is not redirected to", async (_, redirect_uri) => {
    const { client } = await setUp();
    const answer = await client.authorize({ redirect_uri });
    expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
  });

  const unusable: readonly (readonly [string, Parameters<typeof setUp>[0]])[] = [
    [
      "cimd-id-mismatch: it names another client",
      { body: { ...DOCUMENT, client_id: "https://editor.example/other.json" } },
    ],
    ["cimd-id-mismatch: it names itself with a slash more", { body: { ...DOCUMENT, client_id: `${CLIENT_ID}/` } }],
    ["cimd-id-mismatch: it names nobody", { body: { ...DOCUMENT, client_id: undefined } }],
    ["cimd-id-mismatch: wrong content type", { headers: { "content-type": "text/html" } }],
    ["R-78: a redirect", { status: 302, headers: { location: "https://editor.example/other.json" } }],
    ["R-78: 201 is not 200", { status: 201 }],
    ["404", { status: 404 }],
    ["not JSON", { body: "{" }],
    ["not an object", { body: "[]" }],
    ["no redirect_uris", { body: { ...DOCUMENT, redirect_uris: undefined } }],
    ["a script for a redirect URI", { body: { ...DOCUMENT, redirect_uris: ["javascript:alert(1)"] } }],
    ["R-77: a client secret", { body: { ...DOCUMENT, client_secret: "x" } }],
    [
      "R-77: a method with a shared secret",
      { body: { ...DOCUMENT, token_endpoint_auth_method: "client_secret_post" } },
    ],
  ];
  test.each(unusable)("%s: a page, and nothing is remembered", async (_, answer) => {
    const { client, web } = await setUp(answer);
    for (let i = 0; i < 2; i += 1) {
      const refused = await client.authorize();
      expect([refused.status, refused.headers.get("location")]).toEqual([400, null]);
      expect(await refused.text()).toContain("<code>client_document</code>");
    }
    expect(web.fetched).toHaveLength(2);
  });

  test("at the token endpoint it is invalid_client", async () => {
    const { client } = await setUp({ status: 404 });
    const answer = await client.redeem("code");
    expect(((await answer.json()) as { error: string }).error).toBe("invalid_client");
  });
});

describe("R-82: admission", () => {
  test.each([
    ["off", "off", "client_unknown"],
    ["another host", { hosts: ["other.example"] }, "client_document_refused"],
    ["a host it is below", { hosts: ["example"] }, "client_document_refused"],
  ] as const)("%s: not fetched", async (_, documents, reason) => {
    const { client, web } = await setUp({}, documents);
    expect(await (await client.authorize()).text()).toContain(`<code>${reason}</code>`);
    expect(web.fetched).toEqual([]);
  });

  test("a listed host is admitted", async () => {
    const { client } = await setUp({}, { hosts: ["editor.example"] });
    expect((await client.authorize()).status).toBe(200);
  });
});

describe("admission by report: everybody comes in, and what a list would refuse is told", () => {
  const SEEN = { client_id: CLIENT_ID, host: "editor.example", client_name: "Editor" };
  const WARNING = "client document of a host that is not listed";

  test.each([
    ["open", "open", false],
    ["hosts", { hosts: ["editor.example"] }, false],
    ["report, listed", { report: ["editor.example"] }, false],
    ["report, another host listed", { report: ["other.example"] }, true],
    ["report, a host listed that it is below", { report: ["example"] }, true],
    ["report, nothing listed", { report: [] }, true],
  ] as const)("%s", async (_, documents, unlisted) => {
    const { client, server, web } = await setUp({}, documents);
    expect((await client.authorize()).status).toBe(200);
    expect(web.seen).toEqual([{ ...SEEN, unlisted }]);
    expect(server.system.lines.some(({ message }) => message === WARNING)).toBe(unlisted);
  });

  test("a document is told once for as long as it is kept, and one that cannot be used never", async () => {
    const { client, server, web } = await setUp({}, { report: ["other.example"] });
    await client.authorize();
    await client.authorize();
    expect(web.seen).toHaveLength(1);
    server.system.advance(300);
    web.status = 404;
    await client.authorize();
    expect(web.seen).toHaveLength(1);
  });

  test("a report that cannot be kept refuses nobody", async () => {
    const { client, server } = await setUp({ forgetful: true } as object, { report: [] });
    expect((await client.authorize()).status).toBe(200);
    expect(JSON.stringify(server.system.lines)).toContain("client document not recorded");
  });
});

describe("R-75: the cache", () => {
  test("it is asked again when its time is over", async () => {
    const { client, server, web } = await setUp({ headers: { "cache-control": "max-age=100" } });
    await client.authorize();
    server.system.advance(99);
    await client.authorize();
    expect(web.fetched).toHaveLength(1);
    server.system.advance(1);
    web.body = { ...DOCUMENT, redirect_uris: ["https://editor.example/new"] };
    expect((await client.authorize()).status).toBe(400);
    expect(web.fetched).toHaveLength(2);
  });

  test("many requests at once fetch it once", async () => {
    const { client, web } = await setUp();
    let release = () => {};
    web.gate = new Promise((resolve) => {
      release = resolve;
    });
    const asking = Array.from({ length: 10 }, () => client.authorize());
    // A request that needs no document goes the same way as the ten, so that all of them have come as far as the fetch.
    await Promise.all(Array.from({ length: 10 }, () => client.authorize({ client_id: "nobody" })));
    release();
    const answers = await Promise.all(asking);
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(web.fetched).toHaveLength(1);
  });

  test("a flight that failed is not shared with those who come later", async () => {
    const { client, web } = await setUp({ status: 500 });
    await client.authorize();
    web.status = 200;
    expect((await client.authorize()).status).toBe(200);
  });

  test.each([
    [{}, 300],
    [{ "cache-control": "max-age=100" }, 100],
    [{ "cache-control": "public, MAX-AGE=100" }, 100],
    [{ "cache-control": 'max-age="100"' }, 100],
    [{ "cache-control": "max-age=100", age: "60" }, 40],
    [{ "cache-control": "max-age=100", age: "99" }, 30],
    [{ "cache-control": "max-age=0" }, 30],
    [{ "cache-control": "no-store" }, 30],
    [{ "cache-control": "no-cache, max-age=900" }, 30],
    [{ "cache-control": "s-maxage=900" }, 300],
    [{ "cache-control": "max-age=99999999" }, 86_400],
    [{ expires: "Sun, 06 Nov 1994 08:51:37 GMT", date: "Sun, 06 Nov 1994 08:49:37 GMT" }, 120],
    [{ expires: "Sun, 06 Nov 1994 08:49:37 GMT", date: "Sun, 06 Nov 1994 08:51:37 GMT" }, 30],
    [{ expires: "0" }, 300],
  ])("headers %j: kept for %d s", (headers, seconds) => {
    expect(freshness(new Headers(headers as Record<string, string>))).toBe(seconds);
  });
});
