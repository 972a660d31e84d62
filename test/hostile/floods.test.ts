import { createTestAuthorizationServer, createTestClient } from "@sallyport/auth/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CALLBACK, createPkce, FORM_TYPE, form, type Ground, JSON_TYPE, prepareGround, titled } from "./ground.js";
import { Visitor } from "./visitor.js";
import type { WireAnswer } from "./wire.js";

/* What somebody without any account may make the program do, keep, write and show. The listener believes one proxy, which is this test. */
let ground: Ground;
let client_id: string;

beforeAll(async () => {
  ground = await prepareGround({ arguments: ["--trusted-proxy", "127.0.0.1", "--trusted-proxy", "::1"] });
  client_id = await ground.register();
});
afterAll(() => ground.close());
beforeEach(() => ground.upstream.forget());

const from = (address: string) => ["x-forwarded-for", address] as const;
const register = (metadata: object, address = "192.0.2.1"): Promise<WireAnswer> =>
  ground.ask({
    path: "/register",
    headers: [JSON_TYPE, from(address)],
    body: JSON.stringify({ redirect_uris: [CALLBACK], token_endpoint_auth_method: "none", ...metadata }),
  });

const METADATA: readonly { title: string; metadata: object; code: string }[] = [
  ...[
    ["dcr-script-scheme: javascript:", "javascript:alert(1)"],
    ["dcr-script-scheme: in capitals", "JavaScript:alert(1)"],
    ["dcr-script-scheme: with a tab", "java\tscript:alert(1)"],
    ["dcr-script-scheme: with a control character before it", "\u0001javascript:alert(1)"],
    ["dcr-script-scheme: data:", "data:text/html,<script>alert(1)</script>"],
    ["dcr-script-scheme: vbscript:", "vbscript:x"],
    ["dcr-script-scheme: file:", "file:///etc/passwd"],
    ["dcr-script-scheme: blob:", "blob:https://client.example/x"],
    ["dcr-script-scheme: an invented scheme", "evil:/cb"],
    ["dcr-open-any-redirect: http beyond loopback", "http://evil.example/cb"],
    ["dcr-open-any-redirect: a private address", "http://192.168.0.1/cb"],
    ["dcr-open-any-redirect: 0.0.0.0", "http://0.0.0.0/cb"],
    ["dcr-open-any-redirect: loopback in decimal", "http://2130706433/cb"],
    ["dcr-open-any-redirect: a fragment", "https://client.example/cb#x"],
    ["dcr-open-any-redirect: a wildcard", "https://*.example/cb"],
    ["dcr-open-any-redirect: user information", "https://trusted.example@evil.example/cb"],
    ["dcr-open-any-redirect: a backslash", "https://trusted.example\\@evil.example/cb"],
    ["dcr-open-any-redirect: another alphabet", "https://\u0430pple.example/cb"],
    ["dcr-open-any-redirect: dot segments", "https://client.example/a/../cb"],
    ["dcr-open-any-redirect: a relative one", "/cb"],
  ].map(([title = "", uri]) => ({ title, metadata: { redirect_uris: [uri] }, code: "invalid_redirect_uri" })),
  {
    title: "dcr-open-any-redirect: a good one and a bad one",
    metadata: { redirect_uris: [CALLBACK, "javascript:alert(1)"] },
    code: "invalid_redirect_uri",
  },
  {
    title: "dcr-xss-metadata: a logo that is a script",
    metadata: { logo_uri: "javascript:alert(1)" },
    code: "invalid_client_metadata",
  },
  { title: "no redirect URI", metadata: { redirect_uris: [] }, code: "invalid_redirect_uri" },
  {
    title: "a thousand redirect URIs",
    metadata: { redirect_uris: Array.from({ length: 1_000 }, (_, n) => `https://client.example/${n}`) },
    code: "invalid_redirect_uri",
  },
  {
    title: "redirect URIs that are none",
    metadata: { redirect_uris: "https://client.example/cb" },
    code: "invalid_redirect_uri",
  },
];

describe("registrations", () => {
  test.each(titled(METADATA))("%s", async (title, { metadata, code }) => {
    const answer = await register(metadata, `192.0.2.${title.length}`);
    expect({ status: answer.status, code: answer.code }).toEqual({ status: 400, code });
  });

  test("dcr-unbounded: the 21st registration of an hour is a 429 that says when to come back", async () => {
    const answers: WireAnswer[] = [];
    for (let count = 0; count < 21; count++) answers.push(await register({}, "198.51.100.1"));
    expect(answers.slice(0, 20).every(({ status }) => status === 201)).toBe(true);
    const [last] = answers.slice(-1);
    expect({ status: last?.status, code: last?.code }).toEqual({ status: 429, code: "temporarily_unavailable" });
    expect(Number(last?.headers["retry-after"])).toBeGreaterThan(3_000);
    expect((await register({}, "198.51.100.2")).status).toBe(201);
  });

  test("dcr-unbounded: addresses of one IPv6 network are one caller", async () => {
    const answers: number[] = [];
    for (let count = 1; count <= 21; count++)
      answers.push((await register({}, `2001:db8:1:1::${count.toString(16)}`)).status);
    expect(answers.at(-1)).toBe(429);
    expect((await register({}, "2001:db8:1:2::1")).status).toBe(201);
  });

  test("dcr-unbounded: what a caller writes before the proxy's own word changes nothing", async () => {
    const answers: number[] = [];
    for (let count = 1; count <= 21; count++)
      answers.push((await register({}, `203.0.113.${count}, 198.51.100.77`)).status);
    expect(answers.at(-1)).toBe(429);
  });

  test("dcr-shared-secret: every client gets an id and a secret of its own", async () => {
    const made = [];
    for (let count = 0; count < 3; count++) {
      const { text } = await register({ token_endpoint_auth_method: "client_secret_post" }, "198.51.100.3");
      made.push(JSON.parse(text));
    }
    expect(new Set(made.map((client) => client.client_id)).size).toBe(3);
    expect(new Set(made.map((client) => client.client_secret)).size).toBe(3);
  });

  test("dcr-stateless-id-forgery: an id is a row and nothing else, so one that was changed or made up is nobody's", async () => {
    const made = JSON.parse((await register({}, "198.51.100.8")).text).client_id as string;
    const claims = Buffer.from(JSON.stringify({ client_id: made, redirect_uris: ["https://evil.example/cb"] }));
    const forged = [
      ...[0, 5, made.length - 1].map((at) => made.slice(0, at) + (made[at] === "A" ? "B" : "A") + made.slice(at + 1)),
      `${made}A`,
      made.slice(0, -1),
      made.toUpperCase(),
      `${made}%00`,
      claims.toString("base64url"),
      `eyJhbGciOiJub25lIn0.${claims.toString("base64url")}.`,
      claims.toString(),
    ].filter((id) => id !== made);
    for (const id of forged) {
      const page = await ground.owner.open(ground.authorizationUrl(id, createPkce()));
      expect([id, page.status, page.headers.get("location")]).toEqual([id, 400, null]);
    }
  });

  test("dcr-xss-metadata, dcr-name-spoof: a name is text without tricks, and is marked as nobody's word", async () => {
    const client_name = `Claude</title><script>alert(1)</script>"'\u202eevil\u0000\u200b`;
    const { text } = await register({ client_name, client_uri: "https://claude.ai" }, "198.51.100.4");
    const page = await ground.owner.walk(ground.authorizationUrl(JSON.parse(text).client_id ?? "", createPkce()));
    expect(page.status).toBe(200);
    for (const trick of ["<script>alert", "\u202e", "\u0000", "\u200b"]) expect(page.html).not.toContain(trick);
    expect(page.html).toContain("Claude&lt;/title&gt;");
    expect(page.html).toContain("name not verified");
    expect(page.html).toContain("127.0.0.1:49152");
  });
});

test("requests that wait for a person are bounded for each address, and refused to the client when there are too many", async () => {
  // In memory: a thousand rows on a disk would only measure the disk.
  let address = "198.51.100.5";
  const server = await createTestAuthorizationServer({ remoteAddress: () => address });
  server.person.user = undefined;
  const url = await (await createTestClient(server)).authorizationUrl();
  const ask = async () => new URL((await server.fetch(url)).headers.get("location") ?? "", server.issuer);
  for (let count = 0; count < 1_000; count++) expect((await ask()).pathname).toBe("/sign-in");
  expect((await ask()).searchParams.get("error")).toBe("temporarily_unavailable");
  address = "198.51.100.6";
  expect((await ask()).pathname).toBe("/sign-in");
  address = "198.51.100.5";
  server.system.advance(600);
  expect((await ask()).pathname).toBe("/sign-in");
});

describe("ratelimit-none: guessing", () => {
  const guess = async (visitor: Visitor, address: string, fields: Readonly<Record<string, string>>) => {
    const page = await visitor.open(`${ground.program.issuer}/sign-in`, { headers: { "x-forwarded-for": address } });
    const wanted = "code" in fields ? "code" : "username";
    const found = page.forms.find(({ fields: own }) =>
      own.some(({ name, type }) => name === wanted && type === "text"),
    );
    if (found === undefined) throw new Error(page.html.slice(-500));
    return visitor.submit(page, found, { fill: fields, headers: { "x-forwarded-for": address } });
  };

  test("forty wrong refresh tokens from one network, then 429; whoever they were guessed for goes on from elsewhere", async () => {
    const { refresh_token } = await ground.grant(ground.owner, client_id);
    const refresh = (token: string, address: string) =>
      ground.ask({
        path: "/token",
        headers: [FORM_TYPE, from(address)],
        body: form({ grant_type: "refresh_token", client_id, refresh_token: token }),
      });
    const statuses = new Set<number>();
    for (let count = 0; count < 40; count++) statuses.add((await refresh("guess", `2001:db8:7:7::${count}`)).status);
    expect([...statuses]).toEqual([400]);
    const refused = await refresh(refresh_token, "2001:db8:7:7::99");
    expect({ status: refused.status, code: refused.code }).toEqual({ status: 429, code: "temporarily_unavailable" });
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect((await refresh(refresh_token, "198.51.101.200")).status).toBe(200);
  });

  test("ten passwords for one name from ten addresses, then nobody may try that name for a while", async () => {
    await ground.grant(ground.owner, client_id);
    const [{ name = "" } = {}] = JSON.parse(await ground.operate("user", "list", "--json"));
    const statuses: number[] = [];
    for (let count = 1; count <= 11; count++) {
      const answer = await guess(new Visitor({ code: () => "" }), `198.51.101.${count}`, {
        username: name,
        password: `wrong ${count}`,
      });
      statuses.push(answer.status);
    }
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(403));
    expect(statuses.at(-1)).toBe(429);
  });

  test("an unknown name and a wrong password get one answer", async () => {
    const pages = [];
    for (const username of ["nobody-at-all", "nobody-either"]) {
      const { status, html } = await guess(new Visitor({ code: () => "" }), "198.51.102.1", {
        username,
        password: "wrong",
      });
      pages.push({ status, problem: html.includes("User name and password do not match.") });
    }
    expect(pages).toEqual(Array(2).fill({ status: 403, problem: true }));
  });

  test("thirty tries from one address, whatever they are, then no more", async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 31; count++) {
      statuses.push((await guess(new Visitor({ code: () => "" }), "198.51.103.1", { code: `wrong ${count}` })).status);
    }
    expect(statuses.slice(0, 30)).toEqual(Array(30).fill(403));
    expect(statuses.at(-1)).toBe(429);
  });
});

test("log injection: what a caller sends can begin no line of the log, and no token or query is in it", async () => {
  const evil = '\r\n{"level":"error","message":"forged"}\u001b[2J';
  const visits = [
    { method: "GET", path: `/authorize?client_id=${encodeURIComponent(evil)}&state=secret-state` },
    { method: "POST", path: "/token", headers: [FORM_TYPE], body: form({ grant_type: evil, code: "secret-code" }) },
    {
      method: "POST",
      path: "/register",
      headers: [JSON_TYPE],
      body: JSON.stringify({ client_name: evil, redirect_uris: [evil] }),
    },
    { method: "GET", path: "/mcp?access_token=secret-token" },
    {
      method: "POST",
      path: "/sign-in/password",
      headers: [FORM_TYPE],
      body: form({ username: evil, password: "secret-password" }),
    },
  ];
  for (const visit of visits) await ground.ask(visit);
  await expect.poll(() => ground.program.log()).toContain("forged");
  const lines = ground.program.log().trim().split("\n");
  const entries = lines.map((line) => JSON.parse(line));
  expect(entries.filter(({ message }) => message === "forged")).toEqual([]);
  expect(ground.program.log()).not.toMatch(/secret-(state|code|token|password)/);
  expect(ground.program.log()).not.toContain("\u001b");
});
