import { generateKeyPairSync } from "node:crypto";
import { formatAccessToken } from "@sallyport/auth";
import { createLocalJWKSet, exportJWK, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { TEST_NOW as NOW } from "../../../auth/src/testing/records.contract.js";
import { readPkcs8 } from "./key-material.js";
import { migrate } from "./migrate.js";
import { openBackend } from "./open-backend.js";
import { type Opened, TEST_MASTER_KEY } from "./opened.contract.js";
import { isSealed } from "./seal-probe.js";
import { openStore } from "./store.js";

const DAY = 86_400;
const CLAIMS = { iss: "https://as", sub: "u", aud: "r", client_id: "c", jti: "j", iat: 1, exp: 9_999_999_999 };

export function describeKeys({ store, another, url, emptyUrl, system }: Opened): void {
  const kids = (keys: readonly { readonly kid?: string }[]) => keys.map(({ kid }) => kid).sort();

  test("the first use makes a key, and every later one finds it", async () => {
    const { kid, alg } = await store().keys.current();
    expect(alg).toBe("ES256");
    expect((await store().keys.current()).kid).toBe(kid);
    expect((await (await another()).keys.current()).kid).toBe(kid);
    expect(kids(await store().keys.publicKeys())).toEqual([kid]);
  });

  test("asking for the public keys first makes the key too", async () => {
    const [key, ...more] = await store().keys.publicKeys();
    expect(more).toEqual([]);
    expect(key).toMatchObject({ kty: "EC", crv: "P-256", alg: "ES256", use: "sig" });
    expect(key).not.toHaveProperty("d");
    expect((await store().keys.current()).kid).toBe(key?.kid);
  });

  test("several processes that start at once end with one key", async () => {
    const stores = [store(), await another(), await another()];
    const keys = await Promise.all([...stores, ...stores].map(({ keys }) => keys.current()));
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1);
    expect(await store().keys.publicKeys()).toHaveLength(1);
  });

  test("the private key signs what the public one verifies, and cannot be taken out", async () => {
    const { privateKey } = await store().keys.current();
    const [jwk] = await store().keys.publicKeys();
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const signature = await crypto.subtle.sign(algorithm, privateKey as CryptoKey, Buffer.from("data"));
    const publicKey = await crypto.subtle.importKey("jwk", jwk as JsonWebKey, algorithm, true, ["verify"]);
    expect(await crypto.subtle.verify(algorithm, publicKey, signature, Buffer.from("data"))).toBe(true);
    await expect(exportJWK(privateKey)).rejects.toThrow();
  });

  test("a rotated key signs at every process, and the old one stays published for a week", async () => {
    const second = await another();
    const before = (await second.keys.current()).kid;
    await store().keys.rotate();
    const after = (await second.keys.current()).kid;
    expect(after).not.toBe(before);
    expect(kids(await second.keys.publicKeys())).toEqual([before, after].sort());
    await store().sweep(NOW + 7 * DAY - 1);
    expect(await second.keys.publicKeys()).toHaveLength(2);
    await store().sweep(NOW + 7 * DAY);
    expect(kids(await second.keys.publicKeys())).toEqual([after]);
  });

  test("the list says which key signs and since when another does", async () => {
    const first = (await store().keys.current()).kid;
    system().advance(60);
    const { kid } = await store().keys.rotate();
    expect(await (await another()).keys.list()).toEqual([
      { kid, alg: "ES256", created: NOW + 60, retired: undefined },
      { kid: first, alg: "ES256", created: NOW, retired: NOW + 60 },
    ]);
  });

  test("a key that is old enough is replaced once, however many processes ask", async () => {
    const stores = [store(), await another(), await another()];
    await store().keys.current();
    expect(await store().keys.rotateIfOlder(60)).toBeUndefined();
    system().advance(60);
    const made = await Promise.all([...stores, ...stores].map(({ keys }) => keys.rotateIfOlder(60)));
    const [fresh, ...more] = made.filter((key) => key !== undefined);
    expect([fresh?.kid, more]).toEqual([(await store().keys.current()).kid, []]);
    expect(await store().keys.list()).toHaveLength(2);
  });

  test("a removed key is published no more, and every process is told; the one that signs stays", async () => {
    const second = await another();
    const { kid } = await store().keys.current();
    expect([await store().keys.remove(kid), await store().keys.remove("none")]).toEqual(["signs", "unknown"]);
    const seq = await second.feed.head();
    const after = await store().keys.rotate();
    expect(await store().keys.remove(kid)).toBe("removed");
    expect(kids(await second.keys.publicKeys())).toEqual([after.kid]);
    expect(await second.feed.since(seq)).toEqual([{ seq: seq + 1, kind: "key", key: kid, at: NOW }]);
  });

  test("an imported key signs, lies sealed, and is taken once", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const material = await readPkcs8(privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    const { kid } = await store().keys.rotate(material);
    expect((await (await another()).keys.current()).kid).toBe(kid);
    await expect(store().keys.rotate(material)).rejects.toThrow(/here already/);
    expect((await store().keys.list())[0]).toMatchObject({ kid, retired: undefined });
  });

  test.each(["RS256", "EdDSA"] as const)(
    "%s on request: another process goes on with its own until all are changed",
    async (alg) => {
      const before = await store().keys.current();
      const options = { url: url(), masterKey: TEST_MASTER_KEY, system: system(), signingAlgorithm: alg };
      const changed = await openStore(options);
      try {
        const key = await changed.keys.current();
        const token = await formatAccessToken(CLAIMS, changed.keys);
        const jwks = createLocalJWKSet({ keys: [...(await store().keys.publicKeys())] });
        expect((await jwtVerify(token, jwks, { algorithms: [alg] })).protectedHeader).toMatchObject({
          alg,
          kid: key.kid,
        });
        expect((await store().keys.current()).kid).toBe(before.kid);
        expect((await changed.keys.current()).kid).toBe(key.kid);
        expect(kids(await store().keys.publicKeys())).toEqual([before.kid, key.kid].sort());
      } finally {
        await changed.close();
      }
    },
  );

  test("a database that was sealed under another master key is refused at the start", async () => {
    const foreign = { url: url(), masterKey: new Uint8Array(32).fill(9), system: system() };
    await expect(openStore(foreign)).rejects.toThrow(/another master key/);
    const rotated = await openStore({ ...foreign, masterKey: [foreign.masterKey, TEST_MASTER_KEY] });
    await rotated.close();
  });

  test("whether a database was begun under a master key is known without one", async () => {
    expect(await isSealed({ url: url(), system: system() })).toBe(true);
    const empty = { url: await emptyUrl(), system: system() };
    expect(await isSealed(empty)).toBe(false);
    const backend = await openBackend(empty);
    await migrate(backend);
    await backend.close();
    expect(await isSealed(empty)).toBe(false);
  });
}
