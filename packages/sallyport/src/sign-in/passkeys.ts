import { randomToken, type System } from "@sallyport/auth";
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from "@simplewebauthn/server";
import { derive, sha256 } from "./hash.js";
import type { Site } from "./site.js";
import type { Passkey, SignInStorage, User } from "./storage.js";

/*
 * WebAuthn Level 3. Options are small and written here; only the verification of answers needs the library, which takes a third of a
 * second to import and is therefore not waited for at the start.
 */
export const loadPasskeys = () => import("@simplewebauthn/server");

/** COSE ids: ES256, EdDSA, RS256. */
const ALGORITHMS = [-7, -8, -257];
/** Seconds a page may stay open before its challenge is worth nothing. */
const CEREMONY_LIFETIME = 600;

/** What a page embeds for its script: `options` is the JSON for `navigator.credentials`, `nonce` comes back with the answer. */
export interface Ceremony {
  readonly nonce: string;
  readonly options: string;
}

export interface Passkeys {
  /** `secret`: what the browser's cookie stands for; the answer is taken only together with the same one. */
  startAuthentication(secret: string): Promise<Ceremony>;
  startRegistration(secret: string, user: User): Promise<Ceremony>;
  /** The person whose passkey answered; `undefined` for anything else, whatever was wrong. Each challenge is taken once. */
  authenticate(secret: string, nonce: string, credential: string): Promise<User | undefined>;
  /** Stores a new passkey of `user`; `false` when the answer does not hold. */
  register(secret: string, nonce: string, answer: { user: User; credential: string; label: string }): Promise<boolean>;
}

export function createPasskeys(parts: {
  readonly site: Site;
  readonly storage: SignInStorage;
  readonly system: System;
}): Passkeys {
  const { site, storage, system } = parts;
  const start = async (secret: string, sub: string | undefined) => {
    const nonce = randomToken(system);
    const challenge = randomToken(system);
    await storage.ceremonies.save(ceremonyId(secret, nonce), {
      challenge,
      sub,
      expires: system.now() + CEREMONY_LIFETIME,
    });
    return { nonce, challenge };
  };
  return {
    startAuthentication: async (secret) => {
      const { nonce, challenge } = await start(secret, undefined);
      return { nonce, options: JSON.stringify({ challenge, rpId: site.hostname, userVerification: "preferred" }) };
    },
    startRegistration: async (secret, user) => {
      const { nonce, challenge } = await start(secret, user.sub);
      const known = await storage.users.passkeys(user.sub);
      return { nonce, options: JSON.stringify(registrationOptions(site, user, { challenge, known })) };
    },
    authenticate: async (secret, nonce, credential) => {
      const ceremony = await storage.ceremonies.consume(ceremonyId(secret, nonce), system.now());
      if (ceremony === undefined || ceremony.sub !== undefined) return undefined;
      return verifyAuthentication(site, storage, { challenge: ceremony.challenge, credential });
    },
    register: async (secret, nonce, { user, credential, label }) => {
      const ceremony = await storage.ceremonies.consume(ceremonyId(secret, nonce), system.now());
      if (ceremony === undefined || ceremony.sub !== user.sub) return false;
      const passkey = await verifyRegistration(site, { challenge: ceremony.challenge, credential });
      if (passkey === undefined || (await storage.users.findByPasskey(passkey.id)) !== undefined) return false;
      await storage.users.addPasskey(user.sub, { ...passkey, label, created: system.now() });
      return true;
    },
  };
}

function ceremonyId(secret: string, nonce: string): string {
  return sha256(derive(secret, `ceremony ${nonce}`));
}

function registrationOptions(site: Site, user: User, use: { challenge: string; known: readonly Passkey[] }) {
  return {
    challenge: use.challenge,
    rp: { id: site.hostname, name: `Sallyport on ${site.host}` },
    user: { id: userHandle(user), name: user.name, displayName: user.name },
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
    attestation: "none",
    authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "preferred" },
    excludeCredentials: use.known.map(({ id, transports }) => ({ type: "public-key", id, transports })),
  };
}

/** WebAuthn §5.4.3: opaque, without personal data, at most 64 bytes. */
function userHandle(user: User): string {
  return Buffer.from(user.sub).toString("base64url");
}

async function verifyRegistration(
  site: Site,
  use: { readonly challenge: string; readonly credential: string },
): Promise<Omit<Passkey, "label" | "created"> | undefined> {
  const response = parseCredential<RegistrationResponseJSON>(use.credential);
  if (response === undefined) return undefined;
  const { verifyRegistrationResponse } = await loadPasskeys();
  const result = await verifyRegistrationResponse({
    response,
    expectedChallenge: use.challenge,
    expectedOrigin: site.origin,
    expectedRPID: site.hostname,
    requireUserVerification: false,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch(() => undefined);
  if (result?.verified !== true) return undefined;
  const { id, publicKey, counter, transports = [] } = result.registrationInfo.credential;
  const known = transports.filter((transport) => /^[a-z-]{1,20}$/.test(transport)).slice(0, 8);
  return { id, public_key: Buffer.from(publicKey).toString("base64url"), counter, transports: known };
}

async function verifyAuthentication(
  site: Site,
  storage: SignInStorage,
  use: { readonly challenge: string; readonly credential: string },
): Promise<User | undefined> {
  const response = parseCredential<AuthenticationResponseJSON>(use.credential);
  const found = response && (await storage.users.findByPasskey(response.id));
  if (response === undefined || found === undefined || found.user.disabled) return undefined;
  // WebAuthn §7.2 step 6: a discoverable credential says whose it is; it must be whom we know.
  if (response.response.userHandle !== undefined && response.response.userHandle !== userHandle(found.user))
    return undefined;
  const { verifyAuthenticationResponse } = await loadPasskeys();
  const result = await verifyAuthenticationResponse({
    response,
    expectedChallenge: use.challenge,
    expectedOrigin: site.origin,
    expectedRPID: site.hostname,
    requireUserVerification: false,
    credential: {
      id: found.passkey.id,
      publicKey: new Uint8Array(Buffer.from(found.passkey.public_key, "base64url")),
      counter: found.passkey.counter,
    },
  }).catch(() => undefined);
  if (result?.verified !== true) return undefined;
  const fresh = await storage.users.usePasskey(found.passkey.id, result.authenticationInfo.newCounter);
  return fresh ? found.user : undefined;
}

/** The library checks every member; here only that there is an object with a string id to look up. */
function parseCredential<T extends { readonly id: string }>(text: string): T | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("id" in value) || typeof value.id !== "string")
      return undefined;
    if (!("response" in value) || typeof value.response !== "object" || value.response === null) return undefined;
    return value as unknown as T;
  } catch {
    return undefined;
  }
}
