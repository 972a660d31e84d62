import { createTestSystem } from "@sallyport/auth/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPasskeys } from "./passkeys.js";
import { createSite } from "./site.js";
import { createAuthenticator, type Deviation } from "./testing/authenticator.js";
import { createMemorySignInStorage } from "./testing/memory-storage.js";
import { createUsers } from "./users.js";

const ORIGIN = "http://localhost:4000";
const SECRET = "the cookie of this browser";

async function registered() {
  const storage = createMemorySignInStorage();
  const system = createTestSystem();
  const passkeys = createPasskeys({ site: createSite(ORIGIN), storage, system });
  const { user } = await createUsers(storage, system).addUser("alice");
  const device = createAuthenticator(ORIGIN);
  const { nonce, options } = await passkeys.startRegistration(SECRET, user);
  const done = await passkeys.register(SECRET, nonce, { user, credential: device.create(options), label: "Phone" });
  const signIn = async (wrong: Deviation = {}) => {
    const started = await passkeys.startAuthentication(SECRET);
    return passkeys.authenticate(SECRET, started.nonce, device.get(started.options, wrong));
  };
  return { storage, system, passkeys, user, device, done, signIn };
}

const WRONG: readonly (readonly [string, Deviation])[] = [
  ["another origin", { origin: "http://localhost:5000" }],
  ["the origin with a path", { origin: `${ORIGIN}/` }],
  ["another relying party", { rpId: "evil.example" }],
  ["another challenge", { challenge: Buffer.from("x".repeat(32)).toString("base64url") }],
  ["the other ceremony's type", { type: "payment.get" }],
  ["nobody present", { flags: 0 }],
];

describe("registering a passkey", () => {
  it("stores id, public key, counter and transports under the person", async () => {
    const { storage, user, done, device } = await registered();
    expect(done).toBe(true);
    expect(await storage.users.passkeys(user.sub)).toEqual([
      {
        id: device.id,
        public_key: expect.stringMatching(/^[\w-]{100,110}$/),
        counter: 1,
        transports: ["internal", "hybrid"],
        label: "Phone",
        created: createTestSystem().now(),
      },
    ]);
  });

  it("asks for a discoverable credential without attestation, and not for one that exists", async () => {
    const { passkeys, user, device } = await registered();
    expect(JSON.parse((await passkeys.startRegistration(SECRET, user)).options)).toMatchObject({
      rp: { id: "localhost" },
      attestation: "none",
      authenticatorSelection: { residentKey: "required", userVerification: "preferred" },
      excludeCredentials: [{ id: device.id }],
    });
  });

  it.each(WRONG)("is refused with %s", async (_, wrong) => {
    const { passkeys, user } = await registered();
    const device = createAuthenticator(ORIGIN, Buffer.alloc(16, 9));
    const { nonce, options } = await passkeys.startRegistration(SECRET, user);
    const credential = device.create(options, wrong);
    expect(await passkeys.register(SECRET, nonce, { user, credential, label: "" })).toBe(false);
  });

  it("is refused for another person, another browser, a second time, and for a credential that is somebody's", async () => {
    const { passkeys, user, storage, system } = await registered();
    const { user: bob } = await createUsers(storage, system).addUser("bob");
    const attempt = async (change: { user?: typeof bob; secret?: string; id?: number }) => {
      const device = createAuthenticator(ORIGIN, Buffer.alloc(16, change.id ?? 9));
      const { nonce, options } = await passkeys.startRegistration(SECRET, user);
      const answer = { user: change.user ?? user, credential: device.create(options), label: "" };
      const first = await passkeys.register(change.secret ?? SECRET, nonce, answer);
      return [first, await passkeys.register(SECRET, nonce, answer)];
    };
    expect(await attempt({ user: bob })).toEqual([false, false]);
    expect(await attempt({ secret: "another cookie" })).toEqual([false, true]);
    expect(await attempt({ id: 10 })).toEqual([true, false]);
    expect(await attempt({ id: 10 })).toEqual([false, false]);
    expect(await storage.users.passkeys(bob.sub)).toEqual([]);
  });
});

describe("signing in with a passkey", () => {
  it("finds the person and remembers the counter", async () => {
    const { signIn, user, storage } = await registered();
    expect(await signIn()).toMatchObject({ sub: user.sub });
    expect(await signIn()).toMatchObject({ sub: user.sub });
    expect(await storage.users.passkeys(user.sub)).toMatchObject([{ counter: 3 }]);
  });

  it.each([
    ...WRONG,
    ["a signature over something else", { brokenSignature: true }],
    ["another person's user handle", { userHandle: Buffer.from("bob").toString("base64url") }],
    ["a counter that did not grow, as a cloned key has", { counter: 1 }],
    ["the type of a registration", { type: "webauthn.create" }],
  ] as readonly (readonly [string, Deviation])[])("is refused with %s (WebAuthn §7.2)", async (_, wrong) => {
    const { signIn } = await registered();
    expect(await signIn(wrong)).toBeUndefined();
  });

  it("is refused for a disabled person", async () => {
    const { signIn, storage, user } = await registered();
    await storage.users.update(user.sub, { disabled: true });
    expect(await signIn()).toBeUndefined();
  });

  it("is refused for a removed passkey", async () => {
    const { signIn, storage, user, device } = await registered();
    await storage.users.removePasskey(user.sub, device.id);
    expect(await signIn()).toBeUndefined();
  });

  it("takes a challenge once, from the browser it was given to, for ten minutes, and never one of a registration", async () => {
    const { passkeys, device, system, user } = await registered();
    const { nonce, options } = await passkeys.startAuthentication(SECRET);
    expect(await passkeys.authenticate("another cookie", nonce, device.get(options))).toBeUndefined();
    const answers = [device.get(options), device.get(options)];
    const both = await Promise.all(answers.map((credential) => passkeys.authenticate(SECRET, nonce, credential)));
    expect(both.filter((found) => found !== undefined)).toHaveLength(1);
    const late = await passkeys.startAuthentication(SECRET);
    system.advance(600);
    expect(await passkeys.authenticate(SECRET, late.nonce, device.get(late.options))).toBeUndefined();
    const other = await passkeys.startRegistration(SECRET, user);
    const answer = device.get(JSON.stringify({ ...JSON.parse(other.options), rpId: "localhost" }));
    expect(await passkeys.authenticate(SECRET, other.nonce, answer)).toBeUndefined();
  });

  it("answers garbage with nothing, and never throws", async () => {
    const { passkeys, device } = await registered();
    const response = fc.record({
      clientDataJSON: fc.base64String(),
      authenticatorData: fc.base64String(),
      signature: fc.string(),
    });
    const credential = fc.record({
      id: fc.constantFrom(device.id, "x"),
      rawId: fc.constant(device.id),
      type: fc.constant("public-key"),
      response,
    });
    const garbage = fc.oneof(
      fc.string(),
      fc.json(),
      credential.map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(garbage, async (text) => {
        const { nonce } = await passkeys.startAuthentication(SECRET);
        expect(await passkeys.authenticate(SECRET, nonce, text)).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });
});
