import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ClaimRules, matchClaims } from "./claim-rules.js";

const CLAIMS = {
  sub: "repo:acme/app:ref:refs/heads/main",
  aud: ["a", "b"],
  verified: true,
  "kubernetes.io": { namespace: "prod", serviceaccount: { name: "reporter" } },
  groups: ["staff", "ops"],
};

describe("rules for claims", () => {
  test.each<readonly [string, ClaimRules, boolean]>([
    ["an equal string", { sub: "repo:acme/app:ref:refs/heads/main" }, true],
    ["a star stays within a segment", { sub: "repo:acme/*:ref:refs/heads/*" }, true],
    ["a star does not cross a slash", { sub: "repo:*" }, false],
    ["a prefix alone", { sub: "repo:acme" }, false],
    ["another case", { sub: "REPO:acme/app:ref:refs/heads/main" }, false],
    ["one of several", { sub: ["x", "repo:acme/app:ref:refs/heads/main"] }, true],
    ["none of several", { sub: ["x", "y"] }, false],
    ["a value in a list", { groups: "ops" }, true],
    ["a value not in a list", { groups: "admin" }, false],
    ["true", { verified: true }, true],
    ["false where it is true", { verified: false }, false],
    ["a string where it is a boolean", { verified: "true" }, false],
    ["members of an object", { "kubernetes.io": { namespace: "prod", serviceaccount: { name: "reporter" } } }, true],
    ["one member that differs", { "kubernetes.io": { namespace: "prod", serviceaccount: { name: "admin" } } }, false],
    ["an object where it is a string", { sub: { sub: "x" } }, false],
    ["a claim that is absent", { iss: "x" }, false],
    ["a claim that every object has", { constructor: "x" }, false],
    ["all but one", { groups: "ops", sub: "x" }, false],
    ["no rule at all", {}, false],
    ["no rule for an object", { "kubernetes.io": {} }, false],
  ])("%s", (_, rules, holds) => {
    expect(matchClaims(rules, CLAIMS)).toBe(holds);
  });

  test("whatever the claims are, strings that occur nowhere in them never match", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (claims) => {
        for (const name of Object.keys(claims)) {
          expect(matchClaims({ [name]: "a value of nobody" }, claims as Record<string, unknown>)).toBe(false);
        }
      }),
    );
  });
});
