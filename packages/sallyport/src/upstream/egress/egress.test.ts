import { once } from "node:events";
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { ALICE, BOB } from "../../../../../test/fixtures/exchange.js";
import { silentSystem } from "../../../../../test/fixtures/silent-system.js";
import type { UserCredentialSource } from "../credentials/user-credentials.js";
import { type RecordingApi, startRecordingApi } from "../testing/recording-api.js";
import { Egress, type EgressGrant, type EgressLimits } from "./egress.js";
import { createEgressRoute, type EgressRouteOptions } from "./route.js";

const CANARY = "canary-of-the-crm";

interface Answered {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

async function ask(
  url: string,
  path: string,
  { method = "GET", headers = {}, body }: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
): Promise<Answered> {
  const { hostname, port, pathname } = new URL(url);
  const asked = request({ hostname, port, method, headers, path: pathname + path, agent: false });
  asked.end(body);
  const [answer] = await once(asked, "response");
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += chunk;
  return { status: answer.statusCode, headers: answer.headers, text };
}

interface Set {
  readonly api: RecordingApi;
  readonly egress: Egress;
  readonly grant: EgressGrant;
  readonly system: ReturnType<typeof silentSystem>;
}

async function start(
  options: Partial<EgressRouteOptions> & {
    readonly answer?: Parameters<typeof startRecordingApi>[0];
    readonly limits?: Partial<EgressLimits>;
  } = {},
): Promise<Set> {
  const { answer, limits, ...route } = options;
  const api = await startRecordingApi(answer);
  const system = silentSystem();
  const egress = new Egress({ server: "crm", system, ...(limits && { limits }) });
  onTestFinished(async () => {
    await egress.close();
    await api.close();
  });
  await egress.start();
  const made = createEgressRoute({
    name: "crm",
    url: api.url,
    methods: ["GET", "POST"],
    paths: ["/v1/customers/*", "/v1/tickets/**"],
    header: "Authorization",
    scheme: "Bearer",
    value: () => CANARY,
    ...route,
  });
  return { api, egress, system, grant: egress.grant(made, ALICE) };
}

describe("the way out of a child", () => {
  test("adds the one header, and drops what the child says under its name, about the way, and about other targets", async () => {
    const { api, grant } = await start();
    const headers = {
      authorization: "Bearer of-the-child",
      AUTHORIZATION_: "kept",
      connection: "close, x-hop",
      ...{ "x-hop": "1", te: "trailers", "keep-alive": "5", "proxy-authorization": "Basic x" },
      ...{ host: "other.example", "x-forwarded-host": "other.example", forwarded: "host=other.example" },
      ...{ "x-http-method-override": "DELETE", "x-original-url": "/admin", "x-mine": "yes" },
    };
    const answer = await ask(grant.url, "/v1/customers/7?full=1", { headers });
    expect([answer.status, answer.text, answer.headers["x-api"]]).toEqual([200, "fine", "yes"]);
    expect(api.requests).toHaveLength(1);
    expect(api.requests[0]).toMatchObject({ method: "GET", url: "/v1/customers/7?full=1", body: "" });
    expect(api.requests[0]?.headers).toEqual({
      authorization: `Bearer ${CANARY}`,
      authorization_: "kept",
      connection: "keep-alive",
      host: api.url.slice("http://".length),
      "x-mine": "yes",
    });
  });

  test("drops the header under the other spelling of its name, too", async () => {
    const { api, grant } = await start({ header: "X-Api-Key", scheme: undefined });
    await ask(grant.url, "/v1/customers/7", { headers: { "x-api-key": "a", X_API_KEY: "b", "x-api_key": "c" } });
    const { headers } = api.requests[0] ?? { headers: {} };
    expect(Object.entries(headers).filter(([name]) => name.includes("key"))).toEqual([["x-api-key", CANARY]]);
  });

  test.each([
    ["GET", "/v1/customers/7", 200],
    ["POST", "/v1/tickets/7/notes", 200],
    ["GET", "/v1/customers/%37", 200],
    ["GET", "/v1/customers/7/orders", 403],
    ["GET", "/v1/customers", 403],
    ["GET", "/V1/customers/7", 403],
    ["GET", "", 403],
    ["GET", "/", 403],
    ["DELETE", "/v1/customers/7", 403],
    ["HEAD", "/v1/customers/7", 403],
    ["TRACE", "/v1/customers/7", 403],
    ["OPTIONS", "/v1/customers/7", 403],
    ["GET", "/v1/tickets/../admin", 400],
    ["GET", "/v1/tickets/%2e%2e/admin", 400],
    ["GET", "/v1/tickets/..;/admin", 400],
    ["GET", "/v1/tickets/a%2f..%2f..%2fadmin", 400],
    ["GET", "/v1/tickets//admin", 400],
    ["GET", "//v1/customers/7", 400],
    ["GET", "/v1/tickets/%252e%252e/admin", 400],
    ["GET", "/v1/tickets/a\\..\\admin", 400],
  ])("lets %s %s through, or not: %i", async (method, path, status) => {
    const { api, grant } = await start();
    const answer = await ask(grant.url, path, { method });
    expect([answer.status, api.requests.length]).toEqual([status, status === 200 ? 1 : 0]);
    expect(answer.text).not.toContain(CANARY);
  });

  test("tells nothing to whoever does not know an address", async () => {
    const { api, grant } = await start();
    const { origin, pathname } = new URL(grant.url);
    expect(pathname).toMatch(/^\/[A-Za-z0-9_-]{43}$/);
    const other = `/${"A".repeat(43)}`;
    const tries = [
      "/",
      "/v1/customers/7",
      other,
      `${other}/v1/customers/7`,
      pathname.slice(0, -1),
      `${pathname}x/v1/customers/7`,
    ];
    for (const path of [...tries, pathname.toUpperCase(), `/x${pathname}/v1/customers/7`]) {
      const answer = await ask(origin, path === "/" ? "" : path.slice(1));
      expect([path, answer.status, answer.text]).toEqual([path, 404, ""]);
    }
    expect(api.requests).toEqual([]);
  });

  test("is closed with its child, and what is under way is cut", async () => {
    let begun: () => void = () => {};
    const waiting = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { grant, egress } = await start({
      answer: (_request, response) => {
        response.writeHead(200).write("half");
        begun();
      },
    });
    const cut = ask(grant.url, "/v1/customers/7");
    await waiting;
    grant.withdraw();
    await expect(cut).rejects.toThrow(/aborted|hang up|reset/);
    expect([(await ask(grant.url, "/v1/customers/7")).status, egress.size]).toEqual([404, 0]);
  });

  test("follows no redirect", async () => {
    const elsewhere = await startRecordingApi();
    onTestFinished(() => elsewhere.close());
    const { grant, api } = await start({
      answer: (_request, response) => response.writeHead(302, { location: `${elsewhere.url}/v1/customers/7` }).end(),
    });
    const answer = await ask(grant.url, "/v1/customers/7");
    expect([answer.status, api.requests.length, elsewhere.requests.length]).toEqual([302, 1, 0]);
  });

  test("carries bodies of both forms, and bounds them", async () => {
    const { grant, api } = await start({ limits: { maxRequestBytes: 10 } });
    const post = (body: string, headers: OutgoingHttpHeaders) =>
      ask(grant.url, "/v1/tickets/1", { method: "POST", body, headers });
    const chunked = { "transfer-encoding": "chunked" };
    expect((await post("0123456789", { "content-length": 10 })).status).toBe(200);
    expect((await post("0123456789", chunked)).status).toBe(200);
    expect(api.requests.map(({ body }) => body)).toEqual(["0123456789", "0123456789"]);
    expect((await post("0123456789a", { "content-length": 11 })).status).toBe(413);
    expect((await post("0123456789a", chunked)).status).toBe(413);
    expect(api.requests).toHaveLength(2);
    const { hostname, port, pathname } = new URL(grant.url);
    const endless = request({ hostname, port, method: "POST", path: `${pathname}/v1/tickets/1`, agent: false });
    endless.on("error", () => {}).write("more than it may be");
    const [answer] = await once(endless, "response");
    expect(answer.statusCode).toBe(413);
    endless.destroy();
  });

  test("cuts an answer that is larger than it may be", async () => {
    const { grant } = await start({
      limits: { maxResponseBytes: 1_000 },
      answer: (_request, response) => response.writeHead(200).end("x".repeat(100_000)),
    });
    await expect(ask(grant.url, "/v1/customers/7")).rejects.toThrow(/aborted|hang up|reset/);
  });

  test("reads no faster than the child does", async () => {
    let written = 0;
    const { grant } = await start({
      limits: { maxResponseBytes: 512 * 1024 * 1024 },
      answer: (_request, response) => {
        response.writeHead(200);
        const chunk = Buffer.alloc(64 * 1024);
        const more = () => {
          while (written < 4_000 && response.write(chunk)) written += 1;
          written += 1;
          if (written < 4_000) response.once("drain", more);
          else response.end();
        };
        more();
      },
    });
    const { hostname, port, pathname } = new URL(grant.url);
    const asked = request({ hostname, port, path: `${pathname}/v1/customers/7`, agent: false });
    asked.end();
    const [answer] = await once(asked, "response");
    // Nobody reads: what was sent comes to rest in the buffers between, far from the 250 MiB that there are.
    let before = -1;
    while (before !== written) {
      before = written;
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(2_000);
    answer.destroy();
  });

  test("refuses more at once than it may carry", async () => {
    let begun: () => void = () => {};
    const waiting = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { grant } = await start({ limits: { open: 1 }, answer: () => begun() });
    const first = ask(grant.url, "/v1/customers/7").catch(() => "cut");
    await waiting;
    expect((await ask(grant.url, "/v1/customers/8")).status).toBe(503);
    grant.withdraw();
    expect(await first).toBe("cut");
  });

  test("says 502 when the other system is down, and logs no path, address or value", async () => {
    const { grant, api, system } = await start();
    await api.close();
    const answer = await ask(grant.url, "/v1/customers/secret-customer");
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([502, "unreachable"]);
    await ask(grant.url, "/v1/tickets/../secret-customer");
    const log = JSON.stringify(system.lines);
    expect(system.lines).toHaveLength(2);
    for (const secret of [CANARY, "secret-customer", new URL(grant.url).pathname.slice(1)]) {
      expect([secret, `${log}${answer.text}`.includes(secret)]).toEqual([secret, false]);
    }
  });

  test.each(["two\r\nlines", "null\0", "", "é"])(
    "sends nothing with the value %j, which is none of a header",
    async (value) => {
      const { grant, api, system } = await start({ value: () => value, scheme: undefined });
      expect([(await ask(grant.url, "/v1/customers/7")).status, api.requests.length]).toEqual([502, 0]);
      if (value !== "") expect(JSON.stringify(system.lines)).not.toContain(JSON.stringify(value).slice(1, -1));
    },
  );

  test("sends each person's own token of now, and asks for another one after a 401", async () => {
    let generation = 1;
    const refused: string[] = [];
    const source: UserCredentialSource = {
      tokenFor: ({ sub }) => ({ token: `${sub}-${generation}`, scheme: "token" }),
      refused: (_principal, _connection, { token }) => {
        refused.push(token.token);
        generation += 1;
        return undefined;
      },
    };
    const value = { connection: "desk", source };
    const { api, egress, grant } = await start({
      ...{ value, scheme: undefined },
      answer: ({ headers }, response) =>
        response.writeHead(headers.authorization === "token alice-1" ? 401 : 200).end(),
    });
    expect((await ask(grant.url, "/v1/customers/7")).status).toBe(401);
    expect((await ask(grant.url, "/v1/customers/7")).status).toBe(200);
    const route = createEgressRoute({
      ...{ name: "crm", url: api.url, methods: ["GET"], paths: ["/**"], header: "X-Token", scheme: undefined, value },
    });
    await ask(egress.grant(route, BOB).url, "/");
    expect((await ask(egress.grant(route, undefined).url, "/")).status).toBe(502);
    expect(refused).toEqual(["alice-1"]);
    expect(api.requests.map(({ headers }) => headers.authorization ?? headers["x-token"])).toEqual([
      "token alice-1",
      "token alice-2",
      "bob-2",
    ]);
  });
});
