import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKeyInput, randomUUID } from "node:crypto";
import { CompactSign, exportJWK } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ACCEPT, bearer, call, type Granted, type Ground, JSON_TYPE, prepareGround, titled } from "./ground.js";
import type { WireRequest } from "./wire.js";

/*
 * Tokens that are not: each row is one call of a tool that the genuine token may call, with one thing wrong about the token. Where the
 * server's own key has to sign, it does, so that nothing but the named fault can refuse it.
 */
let ground: Ground;
let granted: Granted;
let client_id: string;

beforeAll(async () => {
  ground = await prepareGround();
  client_id = await ground.register();
  granted = await ground.grant(ground.owner, client_id);
});
afterAll(() => ground.close());
beforeEach(() => ground.upstream.forget());

type Claims = Record<string, unknown>;

const now = () => Math.floor(Date.now() / 1000);
const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const partOf = (token: string, index: number) =>
  JSON.parse(Buffer.from(token.split(".")[index] ?? "", "base64url").toString());
const genuine = (change: Claims = {}): Claims => {
  const { ...claims } = partOf(granted.access_token, 1) as Claims;
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) delete claims[name];
    else claims[name] = value;
  }
  return { ...claims, jti: randomUUID() };
};
const header = (change: object = {}) => ({ ...partOf(granted.access_token, 0), ...change });
const signed = (claims: Claims, change: object = {}) => ground.sign(genuine(claims), change);
const resource = () => ground.program.mcpUrl;

/** Signed by a key of the attacker's, under whatever header they like. */
async function foreign(change: (jwk: object) => object = () => ({})): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const bytes = new TextEncoder().encode(JSON.stringify(genuine()));
  return new CompactSign(bytes).setProtectedHeader(header(change(await exportJWK(publicKey)))).sign(privateKey);
}

/** RFC 8725 §2.1: the public key taken for a shared secret. */
async function hmacWithPublicKey(form: "pem" | "jwk"): Promise<string> {
  const [jwk] = await ground.store.keys.publicKeys();
  const pem = createPublicKey({ key: jwk, format: "jwk" } as JsonWebKeyInput).export({ type: "spki", format: "pem" });
  const input = `${json(header({ alg: "HS256" }))}.${json(genuine())}`;
  const secret = form === "pem" ? pem : JSON.stringify(jwk);
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

const swapped = (token: string, index: number, change: object) => {
  const parts = token.split(".");
  parts[index] = json({ ...partOf(token, index), ...change });
  return parts.join(".");
};

interface Forgery {
  readonly title: string;
  readonly token: () => string | Promise<string>;
  readonly status?: number;
  readonly code?: string;
}

const FORGERIES: readonly Forgery[] = [
  { title: "token-any-string: a word", token: () => "x" },
  { title: "token-any-string: nothing behind the scheme", token: () => "" },
  { title: "token-any-string: three dots", token: () => "..." },
  { title: "token-any-string: a token with a fourth part", token: () => `${granted.access_token}.x` },
  { title: "token-any-string: a token of 9 KB", token: () => `${granted.access_token}${"A".repeat(9_000)}` },
  { title: "token-any-string: the refresh token", token: () => granted.refresh_token },
  {
    title: "token-alg-none: alg none and no signature",
    token: () => `${json(header({ alg: "none" }))}.${json(genuine())}.`,
  },
  { title: "token-alg-none: alg nOnE and a signature", token: () => swapped(granted.access_token, 0, { alg: "nOnE" }) },
  { title: "token-alg-none: HS256 with the public key as PEM", token: () => hmacWithPublicKey("pem") },
  { title: "token-alg-none: HS256 with the public key as JWK", token: () => hmacWithPublicKey("jwk") },
  {
    title: "token-bad-signature: an RS256 header over an ES256 signature",
    token: () => swapped(granted.access_token, 0, { alg: "RS256" }),
  },
  {
    title: "token-bad-signature: one bit flipped",
    token: () => granted.access_token.replace(/.(.)$/, (pair) => (pair[0] === "A" ? "B" : "A") + pair[1]),
  },
  { title: "token-bad-signature: another key under the same kid", token: () => foreign() },
  {
    title: "token-bad-signature: more scopes written into a genuine token",
    token: () => swapped(granted.access_token, 1, { scope: "mcp:read mcp:write admin" }),
  },
  {
    title: "token-bad-signature: zeros as r and s (CVE-2022-21449)",
    token: () => granted.access_token.replace(/[^.]*$/, Buffer.alloc(64).toString("base64url")),
  },
  {
    title: "token-bad-signature: the key brought along as jwk",
    token: () => foreign((jwk) => ({ jwk, kid: undefined })),
  },
  {
    title: "token-bad-signature: jku to the attacker's keys",
    token: () => foreign(() => ({ jku: "http://127.0.0.1:1/jwks", kid: "evil" })),
  },
  {
    title: "token-bad-signature: x5u and x5c",
    token: () => foreign(() => ({ x5u: "http://127.0.0.1:1/x", x5c: ["AA"] })),
  },
  { title: "token-bad-signature: kid as a path", token: () => foreign(() => ({ kid: "../../../../dev/null" })) },
  { title: "token-bad-signature: kid as SQL", token: () => foreign(() => ({ kid: "' OR 1=1 --" })) },
  { title: "token-bad-signature: kid as __proto__", token: () => foreign(() => ({ kid: "__proto__" })) },
  { title: "token-bad-signature: kid that is no string", token: () => foreign(() => ({ kid: ["a"] })) },
  {
    title: "a critical header member that nobody knows",
    token: () => signed({}, { crit: ["urn:unknown"], "urn:unknown": 1 }),
  },
  { title: "token-id-token: typ JWT", token: () => signed({}, { typ: "JWT" }) },
  { title: "token-id-token: no typ", token: () => signed({}, { typ: undefined }) },
  { title: "token-id-token: typ logout+jwt", token: () => signed({}, { typ: "logout+jwt" }) },
  {
    title: "token-id-token: an ID token for the client",
    token: () => signed({ aud: client_id, scope: undefined, nonce: "n" }, { typ: "JWT" }),
  },
  { title: "token-expired: an hour ago", token: () => signed({ iat: now() - 7200, exp: now() - 3600 }) },
  { title: "token-expired: no exp", token: () => signed({ exp: undefined }) },
  { title: "token-expired: exp as a string", token: () => signed({ exp: String(now() + 600) }) },
  { title: "token-expired: exp beyond every calendar", token: () => signed({ exp: 1e300 }) },
  { title: "token-expired: nbf in an hour", token: () => signed({ nbf: now() + 3600 }) },
  { title: "token-expired: iat in an hour", token: () => signed({ iat: now() + 3600, exp: now() + 7200 }) },
  { title: "token-no-aud", token: () => signed({ aud: undefined }) },
  { title: "token-no-aud: an empty list", token: () => signed({ aud: [] }) },
  { title: "token-wrong-aud: another resource", token: () => signed({ aud: "https://other.example/mcp" }) },
  { title: "token-wrong-aud: the resource with a slash", token: () => signed({ aud: `${resource()}/` }) },
  { title: "token-wrong-aud: a prefix of the resource", token: () => signed({ aud: resource().slice(0, -1) }) },
  { title: "token-wrong-aud: the resource is a prefix of it", token: () => signed({ aud: `${resource()}/admin` }) },
  { title: "token-wrong-aud: only the origin", token: () => signed({ aud: ground.program.issuer }) },
  { title: "token-wrong-aud: in capitals", token: () => signed({ aud: resource().toUpperCase() }) },
  { title: "token-wrong-aud: a list with a number in it", token: () => signed({ aud: [resource(), 1] }) },
  { title: "token-wrong-aud: an object", token: () => signed({ aud: { [resource()]: true } }) },
  { title: "token-wrong-iss: another issuer", token: () => signed({ iss: "https://idp.example" }) },
  { title: "token-wrong-iss: a slash behind it", token: () => signed({ iss: `${ground.program.issuer}/` }) },
  {
    title: "token-wrong-iss: 127.0.0.1 for localhost",
    token: () => signed({ iss: ground.program.issuer.replace("localhost", "127.0.0.1") }),
  },
  { title: "token-wrong-iss: none", token: () => signed({ iss: undefined }) },
  { title: "token-wrong-iss: a list", token: () => signed({ iss: [ground.program.issuer] }) },
  { title: "R-72: cnf.jkt without a proof", token: () => signed({ cnf: { jkt: "a".repeat(43) } }) },
  { title: "R-72: cnf with x5t#S256", token: () => signed({ cnf: { "x5t#S256": "a".repeat(43) } }) },
  { title: "R-72: an empty cnf", token: () => signed({ cnf: {} }) },
  { title: "a session that does not exist", token: () => signed({ sid: randomUUID() }) },
  { title: "no session", token: () => signed({ sid: undefined }) },
  { title: "the session of one person in the name of another", token: () => signed({ sub: "somebody-else" }) },
  { title: "the session of one client in the name of another", token: () => signed({ client_id: "another-client" }) },
  {
    title: "an actor chain of nine",
    token: () =>
      signed({ act: Array.from({ length: 9 }).reduce((act) => ({ sub: "a", ...(act ? { act } : {}) }), undefined) }),
  },
  { title: "scope as an array", token: () => signed({ scope: ["mcp:write"] }) },
  { title: "scope with a quote", token: () => signed({ scope: 'mcp:write "' }) },
];

describe("a token that is not ours for this resource is a 401, whatever it looks like", () => {
  test("the genuine token is taken, so every refusal below is for its own reason", async () => {
    for (const token of [granted.access_token, await signed({})]) {
      const answer = await ground.ask(request(token));
      expect(answer.status, answer.text).toBe(200);
    }
    expect(ground.upstream.arrived).toHaveLength(2);
  });

  test.each(titled(FORGERIES))("%s", async (_, { token, status = 401, code = "invalid_token" }) => {
    const answer = await ground.ask(request(await token()));
    expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
    expect(answer.headers["www-authenticate"]).toContain(`error="${code}"`);
    expect(answer.headers["www-authenticate"]).toContain("resource_metadata=");
    expect(ground.upstream.arrived).toEqual([]);
  });

  test("token-wrong-aud: a list that holds the resource is RFC 9068's, and is taken", async () => {
    const answer = await ground.ask(request(await signed({ aud: ["https://other.example", resource()] })));
    expect(answer.status).toBe(200);
  });

  test("scope-not-enforced: a scope that the token invents beyond the grant counts for nothing", async () => {
    const reader = await ground.grant(ground.owner, await ground.register(), "mcp:read");
    const claims = { ...partOf(reader.access_token, 1), scope: "mcp:write", jti: randomUUID() };
    const answer = await ground.ask(request(await ground.sign(claims), call("change")));
    expect({ status: answer.status, code: answer.code }).toEqual({ status: 403, code: -32000 });
    expect(ground.upstream.arrived).toEqual([]);
  });
});

function request(token: string, body = call("look")): WireRequest {
  return { headers: [bearer(token), JSON_TYPE, ACCEPT], body };
}

interface Presentation {
  readonly title: string;
  readonly headers?: () => readonly (readonly [string, string])[];
  readonly path?: () => string;
  readonly method?: string;
  readonly body?: string;
  readonly status: number;
  readonly code: string | number | undefined;
}

const token = () => granted.access_token;
const good = () => bearer(token());
const missing = { status: 401, code: "unauthorized" };

const PRESENTATIONS: readonly Presentation[] = [
  { title: "noauth-call: no header", ...missing },
  { title: "noauth-call: the token as Basic", headers: () => [["authorization", `Basic ${token()}`]], ...missing },
  {
    title: "noauth-call: the token as a cookie",
    headers: () => [["cookie", `access_token=${token()}; Authorization=Bearer ${token()}`]],
    ...missing,
  },
  {
    title: "noauth-call: the token as X-Forwarded-Authorization",
    headers: () => [
      ["x-forwarded-authorization", `Bearer ${token()}`],
      ["proxy-authorization", `Bearer ${token()}`],
    ],
    ...missing,
  },
  {
    title: "noauth-call: an identity header instead of a token",
    headers: () => [
      ["x-forwarded-user", "owner"],
      ["x-user", "owner"],
      ["remote-user", "owner"],
    ],
    ...missing,
  },
  {
    title: "two Authorization headers",
    headers: () => [good(), ["Authorization", "Bearer x"]],
    status: 400,
    code: "invalid_request",
  },
  {
    title: "two tokens in one header",
    headers: () => [["authorization", `Bearer ${token()}, Bearer ${token()}`]],
    status: 400,
    code: "invalid_request",
  },
  {
    title: "an unbound token under the DPoP scheme",
    headers: () => [
      ["authorization", `DPoP ${token()}`],
      ["dpop", "a.b.c"],
    ],
    status: 401,
    code: "invalid_token",
  },
  {
    title: "token-in-query: instead of a header",
    path: () => `/mcp?access_token=${token()}`,
    status: 400,
    code: "invalid_request",
  },
  {
    title: "token-in-query: beside a good header",
    headers: () => [good()],
    path: () => "/mcp?access_token=x",
    status: 400,
    code: "invalid_request",
  },
  {
    title: "token-in-query: percent-encoded name",
    headers: () => [good()],
    path: () => "/mcp?%61ccess_token=x",
    status: 400,
    code: "invalid_request",
  },
  { title: "noauth-method-gap: GET", method: "GET", ...missing },
  { title: "noauth-method-gap: DELETE", method: "DELETE", ...missing },
  { title: "noauth-method-gap: HEAD", method: "HEAD", status: 405, code: undefined },
  { title: "noauth-method-gap: PUT", method: "PUT", headers: () => [good()], status: 405, code: undefined },
  {
    title: "noauth-method-gap: a method of the attacker's",
    method: "PROPFIND",
    headers: () => [good()],
    status: 405,
    code: undefined,
  },
  {
    title: "noauth-method-gap: X-HTTP-Method-Override",
    method: "GET",
    headers: () => [["x-http-method-override", "POST"]],
    ...missing,
  },
  {
    title: "noauth-method-gap: a notification",
    body: JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }),
    ...missing,
  },
  {
    title: "noauth-method-gap: a bare response",
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, result: {} }),
    ...missing,
  },
  { title: "noauth-method-gap: a batch", body: `[${call("look")}]`, ...missing },
  { title: "noauth-method-gap: a body that is no JSON says nothing about JSON", body: "{", ...missing },
  {
    title: "noauth-method-gap: RFC 6750 form body",
    headers: () => [["content-type", "application/x-www-form-urlencoded"]],
    body: "access_token=x",
    ...missing,
  },
  {
    title: "noauth-handshake: initialize",
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} }),
    ...missing,
  },
  {
    title: "noauth-list: tools/list",
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
    ...missing,
  },
  {
    title: "noauth-sibling-path: /sse",
    path: () => "/sse",
    method: "GET",
    headers: () => [],
    status: 404,
    code: "not_found",
  },
  { title: "noauth-sibling-path: /message", path: () => "/message", status: 404, code: "not_found" },
  {
    title: "noauth-sibling-path: /mcp/ with a good token",
    path: () => "/mcp/",
    headers: () => [good()],
    status: 404,
    code: "not_found",
  },
  { title: "noauth-sibling-path: //mcp", path: () => "//mcp", headers: () => [good()], status: 404, code: "not_found" },
  {
    title: "noauth-sibling-path: /%6dcp",
    path: () => "/%6dcp",
    headers: () => [good()],
    status: 404,
    code: "not_found",
  },
  { title: "noauth-sibling-path: /MCP", path: () => "/MCP", headers: () => [good()], status: 404, code: "not_found" },
  {
    title: "noauth-sibling-path: /x/../mcp",
    path: () => "/x/../mcp",
    headers: () => [good()],
    status: 404,
    code: "not_found",
  },
  {
    title: "noauth-sibling-path: /mcp;a=b",
    path: () => "/mcp;a=b",
    headers: () => [good()],
    status: 404,
    code: "not_found",
  },
  {
    title: "noauth-sibling-path: /.well-known/../mcp",
    path: () => "/.well-known/../mcp",
    headers: () => [good()],
    status: 404,
    code: "not_found",
  },
];

describe("a token comes in one Authorization header, to one path", () => {
  test.each(titled(PRESENTATIONS))(
    "%s",
    async (_, { headers, path, method = "POST", body = call("look"), status, code }) => {
      const own = headers?.() ?? [];
      const typed = own.some(([name]) => name === "content-type");
      const answer = await ground.ask({
        method,
        path: path?.() ?? "/mcp",
        headers: [...own, ...(typed ? [] : [JSON_TYPE]), ACCEPT],
        body: method === "POST" ? body : "",
      });
      expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
      if (code === "unauthorized") {
        // RFC 6750 §3.1: who sent no token is told where to get one, and no error.
        expect(answer.headers["www-authenticate"]).not.toContain("error");
        expect(answer.headers["www-authenticate"]).toMatch(
          /^Bearer resource_metadata="[^"]+", scope="mcp:read"(?:, DPoP |$)/,
        );
      }
      expect(ground.upstream.arrived).toEqual([]);
    },
  );
});
