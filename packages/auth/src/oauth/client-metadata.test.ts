import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OAuthError } from "../core/oauth-error.js";
import { type ClientMetadataRules, parseClientMetadata } from "./client-metadata.js";

const RULES: ClientMetadataRules = {
  authMethods: ["none", "client_secret_basic", "private_key_jwt"],
  defaultAuthMethod: "client_secret_basic",
  grantTypes: ["authorization_code", "refresh_token"],
};
const BASE = { redirect_uris: ["https://editor.example/cb"] };
const KEY = { kty: "EC", crv: "P-256", x: "x", y: "y" };

describe("RFC 7591 §2: client metadata", () => {
  test("what is absent has its default, what is unknown is ignored", () => {
    expect(parseClientMetadata({ ...BASE, contacts: ["x"], constructor: 1 }, RULES)).toEqual({
      metadata: {
        redirect_uris: ["https://editor.example/cb"],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: "client_secret_basic",
        application_type: "web",
      },
      dropped: [],
    });
  });

  test("a redirect URI that is left out is named for the log, and doubles count once", () => {
    const redirect_uris = ["https://editor.example/cb", "http://editor.example/cb", "https://editor.example/cb"];
    const { metadata, dropped } = parseClientMetadata({ redirect_uris }, RULES);
    expect(metadata.redirect_uris).toEqual(["https://editor.example/cb"]);
    expect(dropped).toEqual(["redirect_uris[1] uses http beyond loopback; use https"]);
  });

  const keys: readonly (readonly [string, object, RegExp | undefined])[] = [
    ["a public key", { jwks: { keys: [KEY] } }, undefined],
    ["an https jwks_uri", { jwks_uri: "https://editor.example/jwks" }, undefined],
    ["neither", {}, /jwks or jwks_uri is needed/],
    ["both", { jwks: { keys: [KEY] }, jwks_uri: "https://editor.example/jwks" }, /only one of them/],
    ["an http jwks_uri", { jwks_uri: "http://editor.example/jwks" }, /jwks_uri must be an https URL/],
    ["no keys", { jwks: { keys: [] } }, /must be a JWK set of public keys/],
    ["R-77: a private key", { jwks: { keys: [{ ...KEY, d: "d" }] } }, /must be a JWK set of public keys/],
    ["R-77: a symmetric key", { jwks: { keys: [{ kty: "oct", k: "k" }] } }, /must be a JWK set of public keys/],
    ["something else", { jwks: { keys: ["x"] } }, /must be a JWK set of public keys/],
  ];
  test.each(keys)("private_key_jwt with %s", (_, members, problem) => {
    const parse = () =>
      parseClientMetadata({ ...BASE, ...members, token_endpoint_auth_method: "private_key_jwt" }, RULES);
    if (problem === undefined) expect(parse().metadata).toMatchObject(members);
    else expect(parse).toThrow(expect.objectContaining({ error_description: expect.stringMatching(problem) }));
  });

  test("any JSON is read or refused with words, and what is read has only redirect URIs that were sent", () => {
    const member = fc.oneof(fc.jsonValue(), fc.webUrl(), fc.constantFrom("none", "native", "code", "javascript:x"));
    const documents = fc.record(
      {
        redirect_uris: fc.oneof(fc.array(fc.oneof(fc.webUrl(), fc.string())), member),
        client_name: member,
        client_uri: member,
        grant_types: member,
        response_types: member,
        token_endpoint_auth_method: member,
        application_type: member,
        jwks: member,
        scope: member,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), documents), (value) => {
        try {
          const { metadata } = parseClientMetadata(value, RULES);
          expect((value as typeof BASE).redirect_uris).toEqual(expect.arrayContaining([...metadata.redirect_uris]));
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError);
          expect((error as OAuthError).error).toMatch(/^invalid_(redirect_uri|client_metadata)$/);
        }
      }),
    );
  });
});
