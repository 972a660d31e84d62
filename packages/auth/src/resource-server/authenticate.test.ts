import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { OAuthError, type OAuthErrorReason } from "../core/oauth-error.js";
import type { Policy } from "../core/policy.js";
import { createScopeHierarchy } from "../core/scope.js";
import { verifySignatureWeb } from "../oauth/verify-signature.js";
import { createTestIssuer, type TestIssuer } from "../testing/issuer.js";
import { createTestSystem, type TestSystem } from "../testing/system.js";
import type { Liveness, RequestHead, ResourceServer, ResourceServerOptions } from "./contract.js";
import { createResourceServer } from "./resource-server.js";

const RESOURCE = "https://mcp.example/mcp";
const policy: Policy = {
  hierarchy: createScopeHierarchy({ "mcp:read": [], "mcp:write": ["mcp:read"] }),
  permittedBy: () => [],
  rules: [],
};
const LIVE: Liveness = { status: "live", roles: ["support"], entitled: ["mcp:write"], granted: undefined };

let system: TestSystem;
let issuer: TestIssuer;
let liveness: Liveness;
const verifySignature = vi.fn(verifySignatureWeb);

beforeAll(async () => {
  system = createTestSystem();
  issuer = await createTestIssuer({ issuer: "https://as.example", resource: RESOURCE, system });
});
beforeEach(() => {
  liveness = LIVE;
  verifySignature.mockClear();
});

function server(options: Partial<ResourceServerOptions> = {}): ResourceServer {
  return createResourceServer({
    resource: RESOURCE,
    issuers: [issuer],
    policy,
    baseline: ["mcp:read"],
    isLive: () => liveness,
    verifySignature,
    system,
    ...options,
  });
}

function head(headers: Record<string, string | readonly string[]>, query = ""): RequestHead {
  return { method: "POST", url: RESOURCE, query, header: (name) => headers[name] };
}
const bearer = (token: string): RequestHead => head({ authorization: `Bearer ${token}` });

async function reasonOf(run: () => unknown): Promise<OAuthErrorReason | "accepted"> {
  try {
    await run();
    return "accepted";
  } catch (error) {
    if (error instanceof OAuthError) return error.reason;
    throw error;
  }
}

describe("credentials", () => {
  const TOKEN = "a.b.c";
  const cases: readonly [title: string, RequestHead, OAuthErrorReason][] = [
    ["none", head({}), "token_missing"],
    ["of another scheme", head({ authorization: "Basic dTpw" }), "token_missing"],
    ["empty", head({ authorization: "" }), "token_missing"],
    ["without token", head({ authorization: "Bearer" }), "token_malformed"],
    ["with an empty token", head({ authorization: "Bearer  " }), "token_malformed"],
    ["twice", head({ authorization: [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`] }), "token_several"],
    ["twice, joined", head({ authorization: `Bearer ${TOKEN}, Bearer ${TOKEN}` }), "token_several"],
    ["in the query (R-24)", head({}, `?access_token=${TOKEN}`), "token_in_query"],
    ["in the query, escaped", head({ authorization: `Bearer ${TOKEN}` }, "?a=1&access%5Ftoken=x"), "token_in_query"],
    ["with a second token behind a space", head({ authorization: `Bearer ${TOKEN} ${TOKEN}` }), "token_malformed"],
  ];
  test.each(cases)("%s", async (_title, request, reason) => {
    expect(await reasonOf(() => server().authenticate(request))).toBe(reason);
  });

  test.each(["Bearer", "bearer", "BEARER"])("with the scheme written %s are accepted", async (scheme) => {
    const token = await issuer.token();
    const who = await server().authenticate(head({ authorization: `${scheme} ${token}` }));
    expect(who.principal.sub).toBe("user-1");
  });
});

describe("a token in a posted form (RFC 6750 §2.2)", () => {
  const posted = (token: string, headers: Record<string, string> = {}, method = "POST"): RequestHead => ({
    ...head(headers),
    method,
    form: new URLSearchParams({ access_token: token }),
  });

  test("is taken where forms are switched on, and the metadata says so", async () => {
    const rs = server({ formTokens: true });
    expect((await rs.authenticate(posted(await issuer.token()))).principal.sub).toBe("user-1");
    expect(rs.metadata().bearer_methods_supported).toEqual(["header", "body"]);
  });

  test("is not taken elsewhere, by GET, or besides another one", async () => {
    const token = await issuer.token();
    const authorization = `Bearer ${token}`;
    const rs = server({ formTokens: true });
    expect(await reasonOf(() => server().authenticate(posted(token)))).toBe("token_missing");
    expect(await reasonOf(() => rs.authenticate(posted(token, {}, "GET")))).toBe("token_missing");
    expect(await reasonOf(() => rs.authenticate(posted(token, { authorization })))).toBe("token_several");
    const twice = new URLSearchParams(`access_token=${token}&access_token=${token}`);
    expect(await reasonOf(() => rs.authenticate({ ...posted(token), form: twice }))).toBe("token_several");
  });
});

describe("a verified token", () => {
  test("becomes a principal with the roles of the records, not of the token (R-47)", async () => {
    const token = await issuer.token({ roles: ["admin"], scope: "mcp:write" });
    const who = await server().authenticate(bearer(token));
    expect(who).toMatchObject({ entitled: ["mcp:write"], principal: { roles: ["support"], scopes: ["mcp:write"] } });
  });

  test("is verified once, and then answered at once", async () => {
    const rs = server();
    const token = await issuer.token();
    const first = await rs.authenticate(bearer(token));
    const second = rs.authenticate(bearer(token));
    expect(second).toBe(first);
    expect(verifySignature).toHaveBeenCalledTimes(1);
  });

  test("is verified again after it was forgotten, also where it was being verified at that moment", async () => {
    const rs = server();
    const token = await issuer.token();
    const verifying = rs.authenticate(bearer(token));
    rs.forgetTokens();
    await verifying;
    await rs.authenticate(bearer(token));
    expect(verifySignature).toHaveBeenCalledTimes(2);
    rs.forgetTokens();
    await rs.authenticate(bearer(token));
    expect(verifySignature).toHaveBeenCalledTimes(3);
  });

  test("is asked about at every call: a revoked session is 401 although the token is remembered", async () => {
    const rs = server();
    const token = await issuer.token();
    await rs.authenticate(bearer(token));
    liveness = { status: "revoked" };
    expect(await reasonOf(() => rs.authenticate(bearer(token)))).toBe("token_revoked");
  });

  test("is 503 with Retry-After while nobody knows whether it was revoked, never 401 and never yes", async () => {
    const rs = server();
    liveness = { status: "unknown", retryAfter: 3 };
    const error = await Promise.resolve(rs.authenticate(bearer(await issuer.token()))).catch(
      (thrown: unknown) => thrown,
    );
    const refusal = rs.refuse(error);
    expect(refusal).toMatchObject({ status: 503, headers: { "retry-after": "3" } });
    expect(refusal.headers["www-authenticate"]).toBeUndefined();
  });

  test("has an end, also when it is remembered (R-26)", async () => {
    const rs = server();
    const token = await issuer.token({ exp: system.now() + 30 });
    await rs.authenticate(bearer(token));
    system.advance(35);
    expect(await reasonOf(() => rs.authenticate(bearer(token)))).toBe("token_expired");
  });

  test("is verified again after ten minutes, so that a withdrawn key stops counting", async () => {
    const rs = server();
    const token = await issuer.token({ exp: system.now() + 86_400 });
    await rs.authenticate(bearer(token));
    system.advance(600);
    await rs.authenticate(bearer(token));
    expect(verifySignature).toHaveBeenCalledTimes(2);
  });

  test("is forgotten when there are too many", async () => {
    const rs = server({ cachedTokens: 1 });
    const [one, other] = [await issuer.token(), await issuer.token()];
    for (const token of [one, other, one]) await rs.authenticate(bearer(token));
    expect(verifySignature).toHaveBeenCalledTimes(3);
  });

  test("is forgotten when those that came later are long, so that a few of them cannot fill the memory", async () => {
    const rs = server({ cachedTokens: 4 });
    const short = await issuer.token();
    const long = [
      await issuer.token({ padding: "x".repeat(3_000) }),
      await issuer.token({ padding: "y".repeat(3_000) }),
    ];
    for (const token of [short, ...long, short]) await rs.authenticate(bearer(token));
    expect(verifySignature).toHaveBeenCalledTimes(4);
    await rs.authenticate(bearer(long[1] ?? ""));
    expect(verifySignature).toHaveBeenCalledTimes(5);
  });

  test("is another one when it only ends like one that was verified", async () => {
    const rs = server();
    const [one, other] = [await issuer.token(), await issuer.token()];
    const mixed = other.slice(0, -43) + one.slice(-43);
    await rs.authenticate(bearer(one));
    await expect(rs.authenticate(bearer(mixed))).rejects.toMatchObject({ reason: "token_signature" });
    await rs.authenticate(bearer(other));
    await rs.authenticate(bearer(one));
    expect(verifySignature).toHaveBeenCalledTimes(3);
  });

  const grants: readonly [token: string, granted: readonly string[] | undefined, effective: readonly string[]][] = [
    ["mcp:write", undefined, ["mcp:write"]],
    ["mcp:write", ["mcp:write"], ["mcp:write"]],
    ["mcp:write", ["mcp:read"], ["mcp:read"]],
    ["mcp:read", ["mcp:write"], ["mcp:read"]],
    ["mcp:read", [], []],
    ["mcp:write other", ["other"], ["other"]],
  ];
  test.each(grants)("with %s under a grant of %j holds %j (R-18)", async (scope, granted, effective) => {
    liveness = { ...LIVE, granted };
    const { principal } = await server().authenticate(bearer(await issuer.token({ scope })));
    expect(principal.scopes).toEqual(effective);
  });

  test.each([
    ["Bearer", "x".repeat(43)],
    ["DPoP", "x".repeat(43)],
    ["DPoP", undefined],
  ])("sent as %s and bound to %s is refused where no proofs are checked", async (scheme, jkt) => {
    const token = await issuer.token(jkt === undefined ? {} : { cnf: { jkt } });
    expect(await reasonOf(() => server().authenticate(head({ authorization: `${scheme} ${token}` })))).toBe(
      "token_binding",
    );
  });
});

describe("the answer to a refused token", () => {
  const challengeOf = async (request: RequestHead): Promise<[number, string | undefined]> => {
    const rs = server();
    const error = await (async () => rs.authenticate(request))().catch((thrown: unknown) => thrown);
    const refusal = rs.refuse(error);
    expect(JSON.parse(refusal.body)).toHaveProperty("error_description");
    return [refusal.status, refusal.headers["www-authenticate"]];
  };

  test("has no error code when no token came, and names metadata and baseline (R-05, R-08, RFC 6750 §3.1)", async () => {
    expect(await challengeOf(head({}))).toEqual([
      401,
      'Bearer resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp", scope="mcp:read"',
    ]);
  });

  test("is invalid_token for an expired one, whatever its scopes (R-13)", async () => {
    const [status, challenge] = await challengeOf(bearer(await issuer.token({ exp: system.now() - 60, scope: "" })));
    expect(status).toBe(401);
    expect(challenge).toMatch(/^Bearer error="invalid_token", error_description="The access token has expired\."/);
  });

  test("is invalid_request for a token in the query", async () => {
    const [status, challenge] = await challengeOf(head({}, "?access_token=x"));
    expect(status).toBe(400);
    expect(challenge).toContain('error="invalid_request"');
  });

  test("names nothing of an unexpected failure but an incident, which the log has too", () => {
    const refusal = server().refuse(new Error("secret detail"));
    expect(refusal.status).toBe(500);
    expect(refusal.body).not.toContain("secret detail");
    const fields = system.lines.at(-1)?.fields as { incident: string } | undefined;
    expect(refusal.body).toContain(fields?.incident ?? "no line");
  });
});

describe("a resource server", () => {
  test("publishes its metadata (R-03, R-04, R-11, R-12)", () => {
    const rs = server({ baseline: ["mcp:read", "offline_access"], metadata: { resource_name: "CRM" } });
    expect(rs.metadata()).toEqual({
      resource: RESOURCE,
      authorization_servers: ["https://as.example"],
      scopes_supported: ["mcp:read"],
      bearer_methods_supported: ["header"],
      resource_name: "CRM",
    });
  });

  const misuse: readonly [title: string, Partial<ResourceServerOptions>, RegExp][] = [
    ["a relative resource", { resource: "/mcp" }, /resource:/],
    ["a resource with fragment", { resource: "https://a.example/#x" }, /resource:/],
    ["a resource in upper case", { resource: "HTTPS://a.example/mcp" }, /resource:/],
    ["no issuer", { issuers: [] }, /issuers:/],
    ["an enormous clock skew", { clockSkew: 61 }, /clockSkew:/],
    [
      "metadata that replaces what is computed",
      { metadata: { resource: "https://evil.example" } },
      /metadata\.resource/,
    ],
  ];
  test.each(misuse)("is not made with %s", (_title, options, message) => {
    expect(() => server(options)).toThrow(message);
  });

  test("names all problems at once", () => {
    expect(() => server({ resource: "/mcp", issuers: [], clockSkew: -1 })).toThrow(/resource:.*issuers:.*clockSkew:/);
  });
});
