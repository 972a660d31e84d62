import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from "jose";
import { describe, expect, test } from "vitest";
import { verifySignatureNode } from "../adapters/node-crypto.js";
import { nodeCryptography } from "../adapters/node-cryptography.js";
import { formatAccessToken } from "../oauth/access-token.js";
import { webCryptography } from "../oauth/cryptography.js";
import { decodeJws } from "../oauth/jws.js";
import { createTestAgents } from "../testing/agents.js";
import { createKnownSignatures, type KnownSignatures } from "./known-signatures.js";

interface Pair {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

async function pair(): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: "same" } };
}

let count = 0;
function signed({ privateKey }: Pair): Promise<string> {
  count += 1;
  const claims = { iss: "i", sub: "s", aud: "a", client_id: "c", exp: 2, iat: 1, jti: String(count) };
  return formatAccessToken(claims, { current: () => ({ kid: "same", alg: "ES256", privateKey }) });
}

/** What is answered, and whether the signature was checked for it. */
async function ask(signatures: KnownSignatures, token: string, { jwk }: Pair): Promise<[boolean, boolean]> {
  let checked = false;
  const { signingInput, signature } = decodeJws(token, token.length);
  const answer = await signatures.verify(token, jwk, () => {
    checked = true;
    return verifySignatureNode("ES256", jwk, signingInput, signature);
  });
  return [answer, checked];
}

const TRUSTED = [true, false];
const CHECKED = [true, true];
const REFUSED = [false, true];

describe.each([
  ["node:crypto", nodeCryptography.sha256],
  ["WebCrypto", webCryptography.sha256],
])("a signature on %s", (_, sha256) => {
  test("that was checked once is not checked again, and one that was wrong is", async () => {
    const [own, other] = [await pair(), await pair()];
    const signatures = createKnownSignatures(sha256);
    const token = await signed(own);
    expect([await ask(signatures, token, own), await ask(signatures, token, own)]).toEqual([CHECKED, TRUSTED]);
    expect([await ask(signatures, token, other), await ask(signatures, token, other)]).toEqual([REFUSED, REFUSED]);
    const touched = `${token.slice(0, -6)}${token.at(-6) === "A" ? "B" : "A"}${token.slice(-5)}`;
    expect(await ask(signatures, touched, own)).toEqual(REFUSED);
    expect(await ask(signatures, token, own)).toEqual(TRUSTED);
  });

  test("that was made here needs no check after one by its key had one", async () => {
    const own = await pair();
    const signatures = createKnownSignatures(sha256);
    const tokens = [await signed(own), await signed(own), await signed(own)];
    for (const token of tokens) await signatures.made(token, own.privateKey);
    const answers = [];
    for (const token of tokens) answers.push(await ask(signatures, token, own));
    expect(answers).toEqual([CHECKED, TRUSTED, TRUSTED]);
  });

  test("by another key under the same kid is never taken for one by this key", async () => {
    const [before, after] = [await pair(), await pair()];
    const signatures = createKnownSignatures(sha256);
    const [old, fresh] = [await signed(before), await signed(after)];
    await signatures.made(old, before.privateKey);
    await signatures.made(fresh, after.privateKey);
    expect(await ask(signatures, fresh, after)).toEqual(CHECKED);
    expect(await ask(signatures, old, after)).toEqual(REFUSED);
    expect(await ask(signatures, old, before)).toEqual(CHECKED);
    expect([await ask(signatures, old, after), await ask(signatures, fresh, before)]).toEqual([REFUSED, REFUSED]);
  });

  test("that was forgotten, since there were too many, is checked again", async () => {
    const own = await pair();
    const signatures = createKnownSignatures(sha256, 2);
    const tokens = [await signed(own), await signed(own), await signed(own)];
    for (const token of tokens) await ask(signatures, token, own);
    expect(await ask(signatures, tokens[2] ?? "", own)).toEqual(TRUSTED);
    expect(await ask(signatures, tokens[0] ?? "", own)).toEqual(CHECKED);
  });
});

test("a token of this very process is refused like any other once its key is gone, its time is over or its session has ended", async () => {
  const keys = await pair();
  const published = { ...keys.jwk, alg: "ES256", use: "sig" };
  let there = true;
  const agents = await createTestAgents(["planner"], {
    keys: {
      current: () => ({ kid: "same", alg: "ES256", privateKey: keys.privateKey }),
      publicKeys: () => (there ? [published] : []),
    },
  });
  const { access_token } = await agents.ofPerson("planner");
  const status = async () => (await agents.exchange("planner", access_token)).status;
  expect([await status(), await status()]).toEqual([200, 200]);
  there = false;
  expect(await status()).toBe(400);
  there = true;
  expect(await status()).toBe(200);
  agents.server.system.advance(601);
  expect(await status()).toBe(400);
  const next = await agents.ofPerson("planner");
  expect((await agents.exchange("planner", next.access_token)).status).toBe(200);
  const sessions = agents.server.options.storage.sessions;
  const { sid } = decodeJws(next.access_token, next.access_token.length).claims;
  await sessions.revoke({ session_id: sid as string }, agents.server.system.now());
  expect((await agents.exchange("planner", next.access_token)).status).toBe(400);
});
