import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OAuthError } from "../core/oauth-error.js";
import type { ClientMetadataRules } from "./client-metadata.js";
import {
  fetchClientMetadataDocument,
  isClientIdUrl,
  parseClientMetadataDocument,
  validateClientIdUrl,
} from "./client-metadata-document.js";

const RULES: ClientMetadataRules = {
  authMethods: ["none"],
  defaultAuthMethod: "none",
  grantTypes: ["authorization_code", "refresh_token"],
};
const CLIENT_ID = "https://editor.example/client.json";

describe("R-76: URLs of client ID metadata documents", () => {
  test.each([
    "https://claude.ai/oauth/claude-code-client-metadata",
    "https://opencode.ai/oauth/opencode/client.json",
    "https://goose-docs.ai/oauth/client-metadata.json",
    "https://editor.example:8443/a/",
    "https://editor.example/a?version=2",
    "https://editor.example/a..b/.well-known/c",
  ])("%s", (url) => {
    expect(isClientIdUrl(url)).toBe(true);
    expect(validateClientIdUrl(url).href).toBe(url);
  });

  test.each([
    ["http://editor.example/client", "must be an https URL"],
    ["https://editor.example/", "must have a path"],
    ["https://editor.example", "must have a path"],
    ["https://editor.example/a#b", "must not have a fragment"],
    ["https://editor.example/a#", "must not have a fragment"],
    ["https://user@editor.example/a", "must not have user information"],
    ["https://user:pw@editor.example/a", "must not have user information"],
    ["https://editor.example/a/../b", "must not have dot segments"],
    ["https://editor.example/./b", "must not have dot segments"],
    ["https://editor.example/a/..", "must not have dot segments"],
    ["https://editor.example/a/%2e%2E/b", "must not have dot segments"],
    ["https://editor.example/a%2f..%2fb", "must not have dot segments"],
    ["https://EDITOR.example/a", "is not in its plain form"],
    ["https://editor.example:443/a", "is not in its plain form"],
    ["https://editor.example/a b", "is not in its plain form"],
    ["https:editor.example/a", "is not in its plain form"],
    ["https://0x7f.1/a", "is not in its plain form"],
    ["https://\u0435ditor.example/a", "is not in its plain form"],
    [`https://editor.example/${"a".repeat(2048)}`, "is not a URL"],
  ])("%s %s", (url, problem) => {
    expect(() => validateClientIdUrl(url)).toThrow(
      expect.objectContaining({ reason: "client_document", error_description: `The client_id ${problem}.` }),
    );
  });

  test("an id that a registration made is no URL", () => {
    for (const id of ["a3f", "", "urn:x:y", "ftp://editor.example/a"]) expect(isClientIdUrl(id)).toBe(false);
  });
});

describe("R-73, R-78: fetching", () => {
  const fetch = (status: number, headers: Record<string, string>, text: string) =>
    fetchClientMetadataDocument(
      CLIENT_ID,
      async (url, limits) => {
        expect([url, limits]).toEqual([CLIENT_ID, { maxBytes: 5120, timeoutMs: 2500 }]);
        return { status, headers: new Headers(headers), body: new TextEncoder().encode(text) };
      },
      RULES,
    );
  const document = JSON.stringify({ client_id: CLIENT_ID, redirect_uris: ["http://localhost/cb"] });

  test.each(["application/json", "application/json; charset=utf-8", "Application/JSON", "application/client-id+json"])(
    "%s is read",
    async (type) => {
      const { metadata } = await fetch(200, { "content-type": type }, document);
      expect(metadata).toMatchObject({
        client_id: CLIENT_ID,
        token_endpoint_auth_method: "none",
        application_type: "native",
      });
    },
  );

  test.each([
    [200, "text/html", "is not application/json"],
    [200, "application/jsonx", "is not application/json"],
    [200, "", "is not application/json"],
    [204, "application/json", "answers 204"],
    [301, "application/json", "answers 301"],
    [404, "application/json", "answers 404"],
  ])("%i %s is refused: it %s", async (status, type, problem) => {
    const error_description = `The client's metadata document ${problem}.`;
    await expect(fetch(status, { "content-type": type }, document)).rejects.toMatchObject({ error_description });
  });

  test("a fetch that fails is the client's document being out of reach, with the cause kept and not told", async () => {
    const cause = new Error("10.0.0.1 refused");
    const failing = fetchClientMetadataDocument(CLIENT_ID, () => Promise.reject(cause), RULES);
    await expect(failing).rejects.toMatchObject({
      reason: "client_document",
      error_description: "The client's metadata document cannot be fetched.",
      cause,
    });
  });

  test("any bytes are read or refused, never anything else", () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => new TextEncoder().encode(text)),
    );
    fc.assert(
      fc.property(bytes, (body) => {
        expect(() => parseClientMetadataDocument(CLIENT_ID, body, RULES)).toThrow(OAuthError);
      }),
    );
  });
});
