import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OAuthError } from "../core/oauth-error.js";
import { parseClientCredentials } from "./client-authentication.js";
import { parseParameters } from "./parameters.js";

const basic = (text: string) => `Basic ${btoa(text)}`;
const encode = (text: string) => new URLSearchParams([["", text]]).toString().slice(1);

describe("RFC 6749 §2.3.1: client credentials", () => {
  test.each([
    [null, "client_id=a", { method: "none", client_id: "a" }],
    [null, "client_id=a&client_secret=s", { method: "client_secret_post", client_id: "a", secret: "s" }],
    [basic("a:s"), "", { method: "client_secret_basic", client_id: "a", secret: "s" }],
    [basic("a:s"), "client_id=a", { method: "client_secret_basic", client_id: "a", secret: "s" }],
    [basic("a:s:t"), "", { method: "client_secret_basic", client_id: "a", secret: "s:t" }],
    [basic("a%3Ab:%2B+x"), "", { method: "client_secret_basic", client_id: "a:b", secret: "+ x" }],
    ["bAsIc  YTpz", "", { method: "client_secret_basic", client_id: "a", secret: "s" }],
  ])("header %j with form %j", (header, form, expected) => {
    expect(parseClientCredentials(header, parseParameters(form))).toEqual(expected);
  });

  test.each([
    [null, "", "client_authentication"],
    [null, "client_secret=s", "client_authentication"],
    [null, "client_id=a&client_id=a", "parameter_repeated"],
    ["Bearer abc", "client_id=a", "client_authentication"],
    ["Basic", "client_id=a", "client_authentication"],
    ["Basic YTpz YTpz", "", "client_authentication"],
    [basic("nocolon"), "", "client_authentication"],
    [basic("a:%"), "", "client_authentication"],
    [basic("a:\xff"), "", "client_authentication"],
    [basic("a:s"), "client_secret=s", "request_malformed"],
    [basic("a:s"), "client_id=b", "request_malformed"],
  ])("header %j with form %j is %s", (header, form, reason) => {
    expect(() => parseClientCredentials(header, parseParameters(form))).toThrow(expect.objectContaining({ reason }));
  });

  test("whatever id and secret, they come through the header as they are", () => {
    const text = fc.string({ unit: "grapheme", minLength: 1 });
    fc.assert(
      fc.property(text, text, (client_id, secret) => {
        const credentials = parseClientCredentials(
          basic(`${encode(client_id)}:${encode(secret)}`),
          parseParameters(""),
        );
        expect(credentials).toEqual({ method: "client_secret_basic", client_id, secret });
      }),
    );
  });

  test("any header is read or refused, never anything else", () => {
    const headers = fc.oneof(
      fc.string(),
      fc.base64String().map((text) => `Basic ${text}`),
    );
    fc.assert(
      fc.property(headers, (header) => {
        try {
          expect(parseClientCredentials(header, parseParameters("")).method).toBe("client_secret_basic");
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError);
        }
      }),
    );
  });
});
