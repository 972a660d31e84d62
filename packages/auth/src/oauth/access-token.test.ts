import fc from "fast-check";
import { CompactSign, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { OAuthError, type OAuthErrorReason } from "../core/oauth-error.js";
import { createTestIssuer, type TestIssuer } from "../testing/issuer.js";
import { createTestSystem } from "../testing/system.js";
import {
  type AccessTokenIssuer,
  type TokenDialect,
  type VerifiedAccessToken,
  validateAccessToken,
} from "./access-token.js";
import { localKeySet } from "./key-set.js";
import { verifySignatureWeb } from "./verify-signature.js";

const ISSUER = "https://as.example";
const RESOURCE = "https://mcp.example/mcp";
const system = createTestSystem();
const NOW = system.now();
let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await createTestIssuer({ issuer: ISSUER, resource: RESOURCE, system });
});

function trusted(dialect?: TokenDialect): AccessTokenIssuer {
  return { issuer: ISSUER, keys: issuer.keys, audience: [RESOURCE], ...(dialect === undefined ? {} : { dialect }) };
}

async function validate(
  token: string,
  options: { trust?: AccessTokenIssuer; now?: number } = {},
): Promise<VerifiedAccessToken> {
  const trust = options.trust ?? trusted();
  return validateAccessToken(token, {
    issuerOf: (iss) => (iss === trust.issuer ? trust : undefined),
    verifySignature: verifySignatureWeb,
    now: options.now ?? NOW,
    clockSkew: 5,
  });
}

async function reasonOf(run: () => Promise<unknown>): Promise<OAuthErrorReason | "accepted"> {
  try {
    await run();
    return "accepted";
  } catch (error) {
    if (error instanceof OAuthError) return error.reason;
    throw error;
  }
}

const actors = (depth: number): unknown =>
  depth === 0 ? undefined : { sub: `actor-${depth}`, ...(depth === 1 ? {} : { act: actors(depth - 1) }) };

describe("an access token (RFC 9068)", () => {
  test("is read as its claims say", async () => {
    const token = await issuer.token({
      scope: "mcp:read mcp:write mcp:read",
      sid: "s-1",
      jti: "j-1",
      aud: ["https://other.example", RESOURCE],
      act: { sub: "agent-2", client_id: "c-2", act: { sub: "agent-1", iss: ISSUER } },
      cnf: { jkt: "x".repeat(43) },
    });
    expect(await validate(token)).toEqual({
      iss: ISSUER,
      sub: "user-1",
      client_id: "client-1",
      sid: "s-1",
      jti: "j-1",
      scopes: ["mcp:read", "mcp:write"],
      kind: "user",
      actor: { sub: "agent-2", client_id: "c-2" },
      chain: [{ sub: "agent-1", iss: ISSUER }],
      cnf: { jkt: "x".repeat(43) },
      iat: NOW,
      exp: NOW + 600,
    });
  });

  test("with the client as its subject has no person behind it", async () => {
    expect((await validate(await issuer.token({ sub: "client-1" }))).kind).toBe("client");
  });

  const claims: readonly [title: string, claims: Record<string, unknown>, OAuthErrorReason | "accepted"][] = [
    ["of another issuer", { iss: "https://evil.example" }, "token_issuer"],
    ["of our issuer with a trailing slash", { iss: `${ISSUER}/` }, "token_issuer"],
    ["without issuer", { iss: undefined }, "token_issuer"],
    ["for another audience (R-21)", { aud: "https://other.example/mcp" }, "token_audience"],
    ["for our audience with a trailing slash", { aud: `${RESOURCE}/` }, "token_audience"],
    ["for our origin only", { aud: "https://mcp.example" }, "token_audience"],
    ["without audience", { aud: undefined }, "token_malformed"],
    ["with an empty audience list", { aud: [] }, "token_audience"],
    ["with an object as audience", { aud: { 0: RESOURCE } }, "token_malformed"],
    ["with a number among its audiences", { aud: [RESOURCE, 1] }, "token_malformed"],
    ["that expired (R-13, R-26)", { exp: NOW - 5 }, "token_expired"],
    ["that expired within the clock skew", { exp: NOW - 4 }, "accepted"],
    ["without expiry", { exp: undefined }, "token_malformed"],
    ["that expires as text", { exp: String(NOW + 600) }, "token_malformed"],
    ["that never expires", { exp: 1e300 }, "token_malformed"],
    ["of the future", { iat: NOW + 6 }, "token_not_yet_valid"],
    ["not valid before later", { nbf: NOW + 6 }, "token_not_yet_valid"],
    ["not valid before within the clock skew", { nbf: NOW + 5 }, "accepted"],
    ["with a malformed nbf", { nbf: "now" }, "token_malformed"],
    ["without subject", { sub: undefined }, "token_malformed"],
    ["with an empty subject", { sub: "" }, "token_malformed"],
    ["with a number as subject", { sub: 1 }, "token_malformed"],
    ["without client", { client_id: undefined }, "token_malformed"],
    ["without identifier", { jti: undefined }, "token_malformed"],
    ["without issue time", { iat: undefined }, "token_malformed"],
    ["with a malformed session", { sid: 7 }, "token_malformed"],
    ["with scopes as a list", { scope: ["mcp:read"] }, "token_malformed"],
    ["with a quote in a scope", { scope: 'mcp:read"' }, "token_malformed"],
    ["with two spaces between scopes", { scope: "mcp:read  mcp:write" }, "token_malformed"],
    ["without scopes", { scope: undefined }, "accepted"],
    ["with eight actors", { act: actors(8) }, "accepted"],
    ["with nine actors", { act: actors(9) }, "token_malformed"],
    ["with a list as actor", { act: [{ sub: "a" }] }, "token_malformed"],
    ["with an actor without subject", { act: { client_id: "a" } }, "token_malformed"],
    ["bound to a certificate", { cnf: { "x5t#S256": "y".repeat(43) } }, "token_binding"],
    ["bound to a key and a certificate", { cnf: { jkt: "x".repeat(43), "x5t#S256": "y" } }, "token_binding"],
    ["bound to nothing", { cnf: {} }, "token_binding"],
    ["with a malformed thumbprint", { cnf: { jkt: "short" } }, "token_binding"],
    ["with null as binding", { cnf: null }, "token_binding"],
    ["longer than 8 KB", { note: "n".repeat(8192) }, "token_malformed"],
  ];
  test.each(claims)("%s: %s", async (_title, replaced, reason) => {
    expect(await reasonOf(async () => validate(await issuer.token(replaced)))).toBe(reason);
  });
});

describe("the form of an access token", () => {
  let own: { privateKey: CryptoKey; jwk: JWK };
  const body = { iss: ISSUER, sub: "u", aud: RESOURCE, client_id: "c", jti: "j", iat: NOW, exp: NOW + 60 };

  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    own = { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: "k" } };
  });
  const trustOwn = (keys: readonly JWK[] = [own.jwk], dialect?: TokenDialect): AccessTokenIssuer => ({
    ...trusted(dialect),
    keys: localKeySet({ keys }),
  });
  const sign = (header: Record<string, unknown>, payload: Record<string, unknown> = body): Promise<string> =>
    new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid: "k", typ: "at+jwt", ...header }).sign(own.privateKey);

  const headers: readonly [title: string, header: Record<string, unknown>, OAuthErrorReason | "accepted"][] = [
    ["at+jwt", {}, "accepted"],
    ["application/AT+JWT", { typ: "application/AT+JWT" }, "accepted"],
    ["JWT, as an ID token has it", { typ: "JWT" }, "token_malformed"],
    ["no typ", { typ: undefined }, "token_malformed"],
    ["the kid of no key", { kid: "other" }, "token_signature"],
    ["no kid where one key fits", { kid: undefined }, "accepted"],
    [
      "a key and a key URL of its own, which nobody reads",
      { jku: "https://evil.example", x5u: "https://evil.example" },
      "accepted",
    ],
  ];
  test.each(headers)("with %s in the header", async (_title, header, reason) => {
    expect(await reasonOf(async () => validate(await sign(header), { trust: trustOwn() }))).toBe(reason);
  });

  test("with a critical header member is refused (RFC 7515 §4.1.11)", async () => {
    const token = await new CompactSign(new TextEncoder().encode(JSON.stringify(body)))
      .setProtectedHeader({ alg: "ES256", kid: "k", typ: "at+jwt", crit: ["urn:x"], "urn:x": 1 })
      .sign(own.privateKey, { crit: { "urn:x": true } });
    expect(await reasonOf(() => validate(token, { trust: trustOwn() }))).toBe("token_malformed");
  });

  test("without kid is refused where several keys fit", async () => {
    const keys = [own.jwk, { ...own.jwk, kid: "k2" }];
    expect(await reasonOf(async () => validate(await sign({ kid: undefined }), { trust: trustOwn(keys) }))).toBe(
      "token_signature",
    );
  });

  test("signed by somebody else is refused", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    const forged = await new SignJWT(body)
      .setProtectedHeader({ alg: "ES256", kid: "k", typ: "at+jwt" })
      .sign(privateKey);
    expect(await reasonOf(() => validate(forged, { trust: trustOwn() }))).toBe("token_signature");
  });

  test.each(["none", "HS256", "RS512", ""])(
    "with the algorithm %j is refused before any key is looked for",
    async (alg) => {
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const token = `${encode({ alg, kid: "k", typ: "at+jwt" })}.${encode(body)}.AAAA`;
      expect(await reasonOf(() => validate(token, { trust: trustOwn() }))).toBe("token_malformed");
    },
  );

  test("signed with the public key as an HMAC secret is refused", async () => {
    const secret = new TextEncoder().encode(JSON.stringify(own.jwk));
    const token = await new SignJWT(body).setProtectedHeader({ alg: "HS256", kid: "k", typ: "at+jwt" }).sign(secret);
    expect(await reasonOf(() => validate(token, { trust: trustOwn() }))).toBe("token_malformed");
  });

  test("of a foreign server is read in its dialect, and only where the dialect is declared", async () => {
    const { client_id: _client, jti: _jti, ...foreign } = body;
    const token = await sign({ typ: "JWT" }, { ...foreign, azp: "c-9", scp: ["mcp:read", "mcp:write"] });
    const dialect = { typ: ["JWT"], clientIdClaim: "azp", scopeClaim: "scp" };
    const read = await validate(token, { trust: trustOwn([own.jwk], dialect) });
    expect(read).toMatchObject({ client_id: "c-9", scopes: ["mcp:read", "mcp:write"], jti: undefined });
    expect(await reasonOf(() => validate(token, { trust: trustOwn() }))).toBe("token_malformed");
  });

  test("changed anywhere is refused", async () => {
    const token = await sign({});
    const signatureAt = token.lastIndexOf(".");
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(..."AZaz09-_."), async (at, character) => {
        // The last character of a part may carry unused bits only: such a change alters no byte.
        fc.pre(
          token[at] !== character && at !== signatureAt - 1 && at !== token.length - 1 && at !== token.indexOf(".") - 1,
        );
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        expect(await reasonOf(() => validate(changed, { trust: trustOwn() }))).not.toBe("accepted");
      }),
      { numRuns: 300 },
    );
  });

  test("however garbled only ever throws an OAuthError", async () => {
    const part = fc.oneof(
      fc.json().map((json) => Buffer.from(json).toString("base64url")),
      fc.base64String(),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        expect(await reasonOf(() => validate(parts.join(".")))).not.toBe("accepted");
      }),
      { numRuns: 500 },
    );
  });
});
