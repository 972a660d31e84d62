import { exportJWK, generateKeyPair, type JWK } from "jose";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { OAuthError } from "../core/oauth-error.js";
import { createTestSystem, type TestSystem } from "../testing/system.js";
import type { FetchDocument } from "./client-metadata-document.js";
import { isKeyFor, localKeySet } from "./key-set.js";
import { createRemoteKeySet } from "./remote-key-set.js";

const NOW = 1_800_000_000;
let ec: JWK;
let rsa: JWK;
let secret: JWK;

beforeAll(async () => {
  const pair = await generateKeyPair("ES256", { extractable: true });
  ec = { ...(await exportJWK(pair.publicKey)), kid: "ec" };
  secret = await exportJWK(pair.privateKey);
  rsa = { ...(await exportJWK((await generateKeyPair("RS256", { extractable: true })).publicKey)), kid: "rsa" };
});

describe("a key", () => {
  test("serves the algorithm it was made for, and no other (RFC 8725 §3.1)", () => {
    const cases: readonly [alg: string, key: JWK, fits: boolean][] = [
      ["ES256", ec, true],
      ["ES256", { ...ec, alg: "ES256", use: "sig", key_ops: ["verify"] }, true],
      ["RS256", rsa, true],
      ["PS256", rsa, true],
      ["PS256", { ...rsa, alg: "RS256" }, false],
      ["ES384", ec, false],
      ["RS256", ec, false],
      ["ES256", rsa, false],
      ["ES256", { ...ec, use: "enc" }, false],
      ["ES256", { ...ec, key_ops: ["sign"] }, false],
      ["RS256", { ...rsa, n: rsa.n?.slice(0, 171) ?? "" }, false],
      ["HS256", { kty: "oct", k: "AAAA" }, false],
      ["none", ec, false],
      ["toString", ec, false],
    ];
    for (const [alg, key, fits] of cases) expect([alg, isKeyFor(alg, key)]).toEqual([alg, fits]);
  });
});

describe("a local key set", () => {
  test("finds by kid, or the only key that fits", () => {
    const keys = localKeySet({ keys: [ec, rsa] });
    expect(keys.find({ alg: "ES256", kid: "ec" }, NOW)).toMatchObject(ec);
    expect(keys.find({ alg: "RS256", kid: undefined }, NOW)).toMatchObject(rsa);
    expect(keys.find({ alg: "RS256", kid: "ec" }, NOW)).toBeUndefined();
    expect(
      localKeySet({ keys: [ec, { ...ec, kid: "2" }] }).find({ alg: "ES256", kid: undefined }, NOW),
    ).toBeUndefined();
  });

  test("is not made of private or symmetric keys", () => {
    expect(() => localKeySet({ keys: [secret] })).toThrow(TypeError);
    expect(() => localKeySet({ keys: [{ kty: "oct", k: "AAAA" }] })).toThrow(TypeError);
  });
});

describe("a remote key set", () => {
  let system: TestSystem;
  let served: unknown;
  let status: number;
  let fetches: number;
  let gate: Promise<void>;
  const fetchDocument: FetchDocument = async () => {
    fetches++;
    await gate;
    if (status === 0) throw new Error("unreachable");
    return { status, headers: new Headers(), body: new TextEncoder().encode(JSON.stringify(served)) };
  };
  const create = () => createRemoteKeySet("https://as.example/jwks", { fetchDocument, system });
  const find = async (keys: ReturnType<typeof create>, kid = "ec") => keys.find({ alg: "ES256", kid }, NOW);

  beforeEach(() => {
    system = createTestSystem(NOW);
    [served, status, fetches, gate] = [{ keys: [ec] }, 200, 0, Promise.resolve()];
  });

  test("is read at the first need, by one request for all who wait, and then answers at once", async () => {
    const keys = create();
    expect(fetches).toBe(0);
    const found = await Promise.all([find(keys), find(keys), find(keys)]);
    expect([found.every((key) => key?.kid === "ec"), fetches]).toEqual([true, 1]);
    expect(keys.find({ alg: "ES256", kid: "ec" }, NOW)).not.toBeInstanceOf(Promise);
  });

  test("is read again for an unknown kid (rotation), not more often than the cool-down allows", async () => {
    const keys = create();
    await find(keys);
    served = { keys: [ec, { ...ec, kid: "new" }] };
    expect(await find(keys, "new")).toBeUndefined();
    expect(fetches).toBe(1);
    system.advance(30);
    expect(await find(keys, "new")).toMatchObject({ kid: "new" });
    for (let forged = 0; forged < 20; forged++) await find(keys, `forged-${forged}`);
    expect(fetches).toBe(2);
  });

  test("drops a key that the server withdrew", async () => {
    const keys = create();
    await find(keys);
    served = { keys: [{ ...ec, kid: "new" }] };
    system.advance(600);
    expect(await find(keys)).toBeDefined();
    await gate;
    await expect.poll(() => find(keys)).toBeUndefined();
  });

  test("counts on while the server is away, up to the bound, and is 503 afterwards", async () => {
    const keys = create();
    await find(keys);
    status = 0;
    system.advance(86_399);
    expect(await find(keys)).toBeDefined();
    system.advance(31);
    const error = await find(keys).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OAuthError);
    expect(error).toMatchObject({ reason: "keys_unavailable", status: 503 });
    status = 200;
    system.advance(31);
    expect(await find(keys)).toBeDefined();
  });

  test.each([
    ["an error", 500, { keys: [] }],
    ["no set", 200, []],
    ["a set of nothing", 200, {}],
    ["too many keys", 200, { keys: Array.from({ length: 101 }, () => ({ kty: "EC" })) }],
  ])("is 503 when all that comes is %s", async (_title, answered, document) => {
    [status, served] = [answered, document];
    await expect(find(create())).rejects.toMatchObject({ reason: "keys_unavailable" });
  });

  test("passes over keys that it does not understand, and never uses a private one", async () => {
    served = { keys: [null, 7, "x", {}, { kty: 7 }, { ...secret, kid: "leaked" }, ec] };
    const keys = create();
    expect(await find(keys)).toMatchObject({ kid: "ec" });
    expect(await find(keys, "leaked")).toBeUndefined();
  });

  test.each(["http://as.example/jwks", "file:///etc/jwks", "jwks"])("is not made of %s", (url) => {
    expect(() => createRemoteKeySet(url)).toThrow(TypeError);
  });
});
