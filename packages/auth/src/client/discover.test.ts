import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { discoverAuthorizationServer, metadataUrls, validateMetadata } from "./discover.js";

const document = (issuer: string, more: object = {}) => ({ issuer, token_endpoint: `${issuer}/token`, ...more });

/** Answers of a server by URL; everything else is a 404. */
function serving(answers: Readonly<Record<string, object | number>>) {
  const asked: string[] = [];
  const fetch = async (url: string) => {
    asked.push(url);
    const answer = answers[url];
    if (typeof answer === "number") return new Response("", { status: answer });
    return answer === undefined ? new Response("", { status: 404 }) : Response.json(answer);
  };
  return { asked, fetch };
}

describe("the places of an issuer's metadata", () => {
  test("are asked in the order of the specification, for an issuer with and without a path (R-102, R-103)", () => {
    expect(metadataUrls("https://login.example/realms/x")).toEqual([
      "https://login.example/.well-known/oauth-authorization-server/realms/x",
      "https://login.example/.well-known/openid-configuration/realms/x",
      "https://login.example/realms/x/.well-known/openid-configuration",
    ]);
    expect(metadataUrls("https://login.example/")).toEqual([
      "https://login.example/.well-known/oauth-authorization-server",
      "https://login.example/.well-known/openid-configuration",
    ]);
  });

  test("are tried until one has a document", async () => {
    const issuer = "https://login.example/realms/x";
    const found = `${issuer}/.well-known/openid-configuration`;
    const { asked, fetch } = serving({ [found]: document(issuer) });
    expect(await discoverAuthorizationServer(issuer, { fetch })).toMatchObject({ issuer });
    expect(asked).toEqual(metadataUrls(issuer));
  });
});

describe("metadata", () => {
  const issuer = "https://login.example";
  const [first = ""] = metadataUrls(issuer);

  test.each(["https://login.example/", "https://LOGIN.example", "https://other.example", undefined])(
    "of another issuer is refused, however alike: %j (R-104)",
    async (other) => {
      const { asked, fetch } = serving({ [first]: { ...document(issuer), issuer: other } });
      const refused = discoverAuthorizationServer(issuer, { fetch });
      await expect(refused).rejects.toMatchObject({ reason: "server_metadata_refused" });
      expect(asked).toHaveLength(1);
    },
  );

  test.each([
    ["a token endpoint in the clear", { token_endpoint: "http://login.example/token" }],
    ["a token endpoint with credentials", { token_endpoint: "https://a:b@login.example/token" }],
    ["no token endpoint", { token_endpoint: undefined }],
    ["an authorization endpoint that is a script", { authorization_endpoint: "javascript:alert(1)" }],
    ["a list that is a text", { code_challenge_methods_supported: "S256" }],
    ["a list of numbers", { grant_types_supported: [1] }],
  ])("with %s is refused (R-126)", (_, change) => {
    expect(() => validateMetadata(issuer, document(issuer, change))).toThrow(/server_metadata_refused/);
  });

  test("that is nowhere is refused; from a server that fails it is unreachable", async () => {
    await expect(discoverAuthorizationServer(issuer, serving({}))).rejects.toMatchObject({
      reason: "server_metadata_refused",
    });
    await expect(discoverAuthorizationServer(issuer, serving({ [first]: 500 }))).rejects.toMatchObject({
      reason: "server_unreachable",
    });
  });

  test("is never asked of an address in the clear, and never after a redirect", async () => {
    const { asked, fetch } = serving({});
    await expect(discoverAuthorizationServer("http://login.example", { fetch })).rejects.toMatchObject({
      reason: "server_metadata_refused",
    });
    expect(asked).toEqual([]);
    const redirect = async (_: string, init: RequestInit) => {
      expect(init.redirect).toBe("manual");
      return new Response(null, { status: 302, headers: { location: "https://evil.example" } });
    };
    await expect(discoverAuthorizationServer(issuer, { fetch: redirect })).rejects.toMatchObject({
      reason: "server_garbage",
    });
  });

  test("of any shape is either used whole or refused by name", () => {
    const anything = fc.dictionary(
      fc.constantFrom("token_endpoint", "jwks_uri", "scopes_supported", "x"),
      fc.anything(),
    );
    fc.assert(
      fc.property(anything, (members) => {
        try {
          const { token_endpoint } = validateMetadata(issuer, { ...members, issuer });
          expect(token_endpoint.startsWith("https:") || token_endpoint.startsWith("http://localhost")).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ reason: "server_metadata_refused" });
        }
      }),
    );
  });
});
