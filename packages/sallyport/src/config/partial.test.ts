import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { standsAlone, withoutMisshapen } from "./partial.js";

const RAW = {
  publicUrl: 7,
  log: { level: "loud", file: "x" },
  servers: { crm: { upstream: 1, access: [{ roles: 3 }] }, wiki: { command: ["x"] } },
};

describe("a file without what has the wrong shape", () => {
  const rows: readonly (readonly [string, readonly (string | number)[], unknown])[] = [
    ["loses a setting", ["log", "level"], { ...RAW, log: { file: "x" } }],
    ["loses a setting of the first level", ["publicUrl"], { log: RAW.log, servers: RAW.servers }],
    [
      "loses a list as a whole, since its places are lines",
      ["servers", "crm", "access", 0, "roles"],
      { ...RAW, servers: { ...RAW.servers, crm: { upstream: 1 } } },
    ],
    ["is nothing to judge without an entry that others name", ["servers", "crm"], undefined],
    ["is nothing to judge without all entries", ["servers"], undefined],
    ["is nothing to judge when something is missing", ["servers", "crm", "command"], undefined],
    ["is nothing to judge when all of it is wrong", [], undefined],
  ];
  test.each(rows)("%s", (_, path, rest) => {
    const before = structuredClone(RAW);
    expect(withoutMisshapen(RAW, [{ path }])).toEqual(rest);
    expect(RAW).toEqual(before);
  });

  test("loses a list once, however much of it is wrong", () => {
    const places = ["roles", "users"].map((name) => ({ path: ["servers", "crm", "access", 0, name] }));
    expect(withoutMisshapen(RAW, places)).toEqual({ ...RAW, servers: { ...RAW.servers, crm: { upstream: 1 } } });
  });

  test("loses a name that nobody knows and nothing else, also inside a list", () => {
    const raw = { servers: { crm: { rules: [{ deny: "a", dney: "b" }, { deny: "c" }] } } };
    const path = ["servers", "crm", "rules", 0, "dney"];
    expect(withoutMisshapen(raw, [{ path, unknown: true }])).toEqual({
      servers: { crm: { rules: [{ deny: "a" }, { deny: "c" }] } },
    });
  });

  test("whatever the file and the paths are, nothing is thrown and nothing is added", () => {
    const part = fc.oneof(fc.constantFrom("servers", "crm", "__proto__", "constructor", "log"), fc.nat(3));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.array(part)), (raw, paths) => {
        const rest = withoutMisshapen(
          raw,
          paths.map((path, index) => ({ path, ...(index % 2 === 0 && { unknown: true as const }) })),
        );
        expect(Object.keys(rest ?? {}).every((key) => Object.hasOwn(raw, key))).toBe(true);
      }),
    );
  });
});

describe("a problem with the meaning", () => {
  const wrong = [
    { path: ["servers", "crm", "scopes"] },
    { path: ["servers", "crm", "rules", 1, "mode"] },
    { path: ["log", "level"] },
  ];
  test.each([
    [["servers", "wiki"], true],
    [["publicUrl"], true],
    [["servers", "crm", "access", 0, "scopes"], false],
    [["servers", "crm", "rules", 0, "when"], true],
    [["servers", "crm", "rules", 1, "when"], false],
    [["log"], false],
    [[], false],
  ] as const)("at %j stands by itself beside others: %s", (path, alone) => {
    expect(standsAlone({ path }, wrong)).toBe(alone);
  });

  const crm = (...path: readonly (string | number)[]) => ["servers", "crm", ...path];
  test.each([
    [crm("access", 0, "scopes"), crm("scopes", "a:b", "allow"), true],
    [crm("scopes", "a:b", "includes"), crm("scopes", "c:d", "allow"), true],
    [crm("scopes", "a:b"), crm("scopes", "a:b", "allow"), false],
    [crm("baseline"), crm("scopes", "a:b"), false],
    [crm("scopes", "a:b", "includes"), crm("access", 0, "roles"), true],
    [crm("access", 0, "scopes"), crm("upstream"), true],
    [crm("access", 0, "scopes"), crm("access", 1, "roles"), false],
    [crm(), crm("access", 0, "roles"), false],
    [crm("credential"), crm("scopes", "a:b", "allow"), false],
    [crm("access", 0, "scopes"), crm(), false],
  ] as const)("of a server at %j stands by itself beside the shape of %j: %s", (path, other, alone) => {
    expect(standsAlone({ path }, [{ path: other }])).toBe(alone);
  });
});
