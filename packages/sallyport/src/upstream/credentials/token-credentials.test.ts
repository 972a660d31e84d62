import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Principal } from "@sallyport/auth";
import { createTestSystem, type TestSystem } from "@sallyport/auth/testing";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Credential, CredentialRequest, CredentialSource } from "./contract.js";
import { createTokenCredentials, type Issued } from "./token-credentials.js";
import {
  clientCredentials,
  createTokenServer,
  exchange,
  idJag,
  onBehalfOf,
  type TokenServer,
} from "./token-sources.js";

type Answer =
  | { readonly status?: number; readonly body?: unknown; readonly headers?: Record<string, string> }
  | "hang"
  | "drop";

/** A token endpoint on loopback that answers as it is told, and keeps what it was asked. */
async function startTokenEndpoint() {
  const asked: Record<string, string>[] = [];
  const state: { answer: (form: Readonly<Record<string, string>>) => Answer } = {
    answer: ({ scope = "" }) => ({
      body: { access_token: `token-${asked.length}-${scope}`, token_type: "Bearer", expires_in: 300 },
    }),
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
    asked.push(form);
    const answer = state.answer(form);
    if (answer === "hang") return;
    if (answer === "drop") return void request.socket.destroy();
    const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
    response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return { asked, state, url, close: () => server.close() };
}

const principal = (change: Partial<Principal> = {}): Principal => ({
  ...{ iss: "https://as.example", sub: "ada", client_id: "chat", sid: "s1", jti: "j1", scopes: ["mcp:read"] },
  ...{ kind: "user", actor: undefined, chain: [], cnf: undefined, roles: [], exp: 1_800_000_600, iat: 1_800_000_000 },
  ...change,
});
const asking = (who = principal(), token = "the caller's token"): CredentialRequest => ({
  principal: who,
  calls: [],
  method: "POST",
  callerToken: () => token,
});
const CLIENT = { method: "client_secret_basic", client_id: "gateway", client_secret: "s" } as const;

let system: TestSystem;
let endpoint: Awaited<ReturnType<typeof startTokenEndpoint>>;
let issued: Issued[];
beforeEach(async () => {
  system = createTestSystem();
  endpoint = await startTokenEndpoint();
  issued = [];
});

const serverAt = (change: Partial<TokenServer> = {}, timeoutMs = 5_000) =>
  createTokenServer({ tokenEndpoint: endpoint.url, client: CLIENT, ...change }, { system, timeoutMs });
function exchanging(scopeOf: () => string | undefined = () => "crm:read", timeoutMs?: number): CredentialSource {
  const obtain = exchange({ server: serverAt({}, timeoutMs), target: { resource: "https://crm.example" } });
  const onIssued = (one: Issued) => void issued.push(one);
  return createTokenCredentials({ server: "crm", obtain, scopeOf, perCaller: true, onIssued, system });
}
const bearer = (credential: Credential) => credential.headers.authorization;

describe("an exchanged token", () => {
  test("is at hand at once while it is held, and asked for once by however many calls", async () => {
    const source = exchanging();
    const [one, two] = await Promise.all([source.credentialFor(asking()), source.credentialFor(asking())]);
    expect(one).toBe(two);
    expect(source.credentialFor(asking())).toBe(one);
    expect(endpoint.asked).toMatchObject([{ subject_token: "the caller's token", resource: "https://crm.example" }]);
    expect(issued).toMatchObject([{ principal: { sub: "ada" }, scope: "crm:read", expires: system.now() + 300 }]);
  });

  test.each([
    ["another token of the same session", {}, "another token"],
    ["another person, under the same id of a careless issuer", { sub: "bob" }, "another token"],
    ["another person, by the same token", { sub: "bob" }, "the caller's token"],
    ["another issuer's person of the same name", { iss: "https://other.example" }, "the caller's token"],
  ])("is not used for %s", async (_, change, token) => {
    const source = exchanging();
    await source.credentialFor(asking());
    await source.credentialFor(asking(principal(change), token));
    expect(endpoint.asked).toHaveLength(2);
  });

  test("is asked for anew for another scope, shortly before it ends, and never held beyond the caller's token", async () => {
    let scope = "crm:read";
    const source = exchanging(() => scope);
    await source.credentialFor(asking());
    scope = "crm:write";
    await source.credentialFor(asking());
    expect(endpoint.asked).toHaveLength(2);
    system.advance(271);
    await source.credentialFor(asking());
    expect(endpoint.asked).toHaveLength(3);
    const short = principal({ exp: system.now() + 10 });
    await source.credentialFor(asking(short, "short"));
    system.advance(10);
    await source.credentialFor(asking(short, "short"));
    expect(endpoint.asked).toHaveLength(5);
  });

  test("goes when its caller is no longer live", async () => {
    const source = exchanging();
    const who = principal();
    await source.credentialFor(asking(who));
    source.forget?.((one) => one.sid === "s2");
    expect(source.credentialFor(asking(who))).not.toBeInstanceOf(Promise);
    source.forget?.((one) => one.sid === "s1");
    await source.credentialFor(asking(who));
    expect(endpoint.asked).toHaveLength(2);
  });

  test("that cannot be recorded is not used, and not held", async () => {
    const obtain = exchange({ server: serverAt(), target: {} });
    let full = true;
    const onIssued = () => {
      if (full) throw new Error("no space");
    };
    const options = { server: "crm", obtain, scopeOf: () => undefined, perCaller: true, onIssued, system };
    const source = createTokenCredentials(options);
    await expect(source.credentialFor(asking())).rejects.toThrow("no space");
    full = false;
    await source.credentialFor(asking());
    expect(endpoint.asked).toHaveLength(2);
  });
});

describe("a token endpoint that fails", () => {
  const failures: readonly [string, Answer, object][] = [
    ["is down", "drop", { reason: "credential_unreachable" }],
    ["is slow", "hang", { reason: "credential_timeout" }],
    [
      "is busy",
      { status: 429, headers: { "retry-after": "7" }, body: {} },
      { reason: "credential_overloaded", options: { retryAfter: 7 } },
    ],
    ["answers garbage", { body: "<html>" }, { reason: "credential_garbage" }],
    ["answers no token", { body: { token_type: "Bearer" } }, { reason: "credential_garbage" }],
    [
      "hands the caller's token back",
      { body: { access_token: "the-caller", token_type: "Bearer" } },
      { reason: "credential_garbage" },
    ],
    [
      "refuses the token",
      { status: 400, body: { error: "invalid_grant" } },
      { reason: "credential_refused", data: { error: "invalid_grant" } },
    ],
    [
      "refuses the scope",
      { status: 400, body: { error: "invalid_scope" } },
      { reason: "credential_refused", data: { error: "invalid_scope" } },
    ],
    ["says words of its own", { status: 400, body: { error: "call 555" } }, { reason: "credential_refused", data: {} }],
  ];
  test.each(failures)("is named when it %s, nothing is held, and the next call works", async (_, answer, expected) => {
    const source = exchanging(undefined, answer === "hang" ? 1_500 : 5_000);
    const before = endpoint.state.answer;
    endpoint.state.answer = () => answer;
    const request = asking(principal(), "the-caller");
    const failed = await Promise.allSettled([source.credentialFor(request), source.credentialFor(request)]);
    for (const one of failed) expect(one).toMatchObject({ status: "rejected", reason: expected });
    expect(endpoint.asked).toHaveLength(1);
    expect(JSON.stringify(system.lines)).not.toContain("the-caller");
    endpoint.state.answer = before;
    expect(bearer(await source.credentialFor(request))).toBe("Bearer token-2-crm:read");
  });

  test("that nobody listens at is unreachable", async () => {
    endpoint.close();
    await expect(exchanging().credentialFor(asking())).rejects.toMatchObject({ reason: "credential_unreachable" });
  });
});

describe("a token that the system behind refuses", () => {
  const refusal = { status: 401, headers: {}, attempt: 1 } as const;

  test("is replaced when it was held, and not when it was made for this very call", async () => {
    const source = exchanging();
    const first = await source.credentialFor(asking());
    expect(source.refused?.(asking(), first, refusal)).toBeUndefined();
    const second = await source.credentialFor(asking());
    expect(bearer(second)).not.toBe(bearer(first));
    system.advance(2);
    const third = await source.refused?.(asking(), second, refusal);
    expect(third && bearer(third)).toBe("Bearer token-3-crm:read");
    expect(third && source.refused?.(asking(), third, { ...refusal, attempt: 2 })).toBeUndefined();
  });

  test("stays when it is refused with 403: another one would be no better", async () => {
    const source = exchanging();
    const first = await source.credentialFor(asking());
    system.advance(2);
    expect(source.refused?.(asking(), first, { ...refusal, status: 403 })).toBeUndefined();
    expect(source.credentialFor(asking())).toBe(first);
  });
});

describe("the gateway's own token", () => {
  const own = (perCaller: boolean) =>
    createTokenCredentials({
      ...{
        server: "crm",
        perCaller,
        system,
        scopeOf: ({ principal }) => (principal.scopes.includes("x") ? "x" : undefined),
      },
      obtain: clientCredentials({ server: serverAt(), target: { audience: "erp" } }),
    });

  test("is one for all callers, and goes on when nobody calls too", async () => {
    const source = own(false);
    const one = await source.credentialFor(asking());
    expect(await source.credentialFor(asking(principal({ sub: "bob" }), "other"))).toBe(one);
    expect(await source.own?.()).toBe(one);
    expect(endpoint.asked).toEqual([{ grant_type: "client_credentials", audience: "erp" }]);
  });

  test("is not what goes on when nobody calls, where tokens are the callers'", () => {
    expect(own(true).own).toBeUndefined();
  });
});

describe("the ways to a token", () => {
  const make = (obtain: ReturnType<typeof exchange>) =>
    createTokenCredentials({ server: "crm", obtain, scopeOf: () => "api://crm/.default", perCaller: true, system });

  test("on behalf of: the caller's token is the assertion, and the scope names the target (Entra)", async () => {
    await make(onBehalfOf({ server: serverAt() })).credentialFor(asking());
    expect(endpoint.asked).toEqual([
      {
        grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion: "the caller's token",
        scope: "api://crm/.default",
        requested_token_use: "on_behalf_of",
      },
    ]);
  });

  test("with an actor's token (RFC 8693 §2.1)", async () => {
    await make(exchange({ server: serverAt(), target: {}, actor: async () => "mine" })).credentialFor(asking());
    expect(endpoint.asked[0]).toMatchObject({
      actor_token: "mine",
      actor_token_type: expect.stringContaining("access_token"),
    });
  });

  test("by an ID-JAG: asked of the identity provider for the other server, and shown there alone", async () => {
    const other = await startTokenEndpoint();
    const type = "urn:ietf:params:oauth:token-type:id-jag";
    endpoint.state.answer = () => ({ body: { access_token: "the-jag", token_type: "N_A", issued_token_type: type } });
    const obtain = idJag({
      idp: serverAt(),
      server: serverAt({ tokenEndpoint: other.url }),
      audience: "https://as.other.example",
      resource: "https://api.other.example",
      subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
    });
    expect(bearer(await make(obtain).credentialFor(asking()))).toMatch(/^Bearer token-1/);
    expect(endpoint.asked).toMatchObject([{ audience: "https://as.other.example", requested_token_type: type }]);
    expect(other.asked).toMatchObject([{ assertion: "the-jag", resource: "https://api.other.example" }]);
    endpoint.state.answer = () => ({ body: { access_token: "an-access-token", token_type: "Bearer" } });
    const again = make(obtain).credentialFor(asking());
    await expect(again).rejects.toMatchObject({ reason: "credential_garbage" });
    expect(other.asked).toHaveLength(1);
  });

  test("at an issuer whose endpoint moves: the document is read again, without a restart", async () => {
    const other = await startTokenEndpoint();
    const issuer = new URL(endpoint.url).origin;
    let at = endpoint.url;
    const fetch = async (url: string, init: RequestInit) =>
      url.includes("/.well-known/") ? Response.json({ issuer, token_endpoint: at }) : globalThis.fetch(url, init);
    const server = createTokenServer({ issuer, client: CLIENT }, { system, fetch });
    const source = make(exchange({ server, target: {} }));
    await source.credentialFor(asking());
    at = other.url;
    system.advance(3_700);
    await source.credentialFor(asking(principal({ exp: system.now() + 600 })));
    expect([endpoint.asked.length, other.asked.length]).toEqual([1, 1]);
  });
});
