// How many DPoP proofs are verified per CPU-second, beside jose? Run: npm run build && node bench/dpop.mjs
// Every proof is new, as at a resource server: nothing of it can be cached but the client's key. Rounds are interleaved, and what is counted
// is processor time of the whole process, so that neighbours on the machine do not matter. Both must accept every proof and refuse the same
// broken ones.
import { calculateJwkThumbprint, EmbeddedJWK, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { sha256Node, verifySignatureNode } from "../packages/auth/dist/adapters/node.js";
import { validateDpopProof } from "../packages/auth/dist/oauth/dpop.js";

const ALGORITHMS = ["ES256", "Ed25519", "RS256"];
const PROOFS = 2_000;
const ROUNDS = 7;
const TARGET = 10_000;

const now = Math.floor(Date.now() / 1000);
const url = "https://mcp.example/mcp/crm";
const accessToken = "a".repeat(600);
const ath = sha256Node(accessToken);

/** In memory, like a store that answers at once: what is measured is the verification. */
function createReplay() {
  const seen = new Set();
  return { record: (_, key) => !seen.has(key) && seen.add(key) !== undefined };
}

async function sign(alg) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  const proof = (index) =>
    new SignJWT({ jti: `${alg} ${index}`, htm: "POST", htu: url, iat: now, ath })
      .setProtectedHeader({ alg, typ: "dpop+jwt", jwk })
      .sign(privateKey);
  return {
    jkt: await calculateJwkThumbprint(jwk),
    proofs: await Promise.all(Array.from({ length: PROOFS }, (_, i) => proof(i))),
  };
}

async function withJose(proof, jkt) {
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: "dpop+jwt", algorithms: ALGORITHMS });
  return (
    payload.htm === "POST" &&
    payload.htu === url &&
    payload.ath === ath &&
    (await calculateJwkThumbprint(protectedHeader.jwk)) === jkt
  );
}

function cpuSeconds(from) {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1e6;
}

/** Of the rounds after the first, which warms up. */
const median = (values) => values.slice(1).sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

const results = [];
for (const alg of ALGORITHMS) {
  const { jkt, proofs } = await sign(alg);
  const rates = { ours: [], jose: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const ports = { verifySignature: verifySignatureNode, sha256: sha256Node, replay: createReplay() };
    const expected = { htm: "POST", htu: url, accessToken, jkt, now };
    let from = process.cpuUsage();
    for (const proof of proofs)
      if (validateDpopProof(proof, expected, ports) instanceof Promise) throw new Error("not at once");
    rates.ours.push(PROOFS / cpuSeconds(from));
    from = process.cpuUsage();
    for (const proof of proofs) if (!(await withJose(proof, jkt))) throw new Error("jose refused a good proof");
    rates.jose.push(PROOFS / cpuSeconds(from));
    // Cross-check: a signature with one bit turned is refused by both.
    const [head, body, signature] = proofs[round].split(".");
    const bytes = Buffer.from(signature, "base64url");
    bytes[3] ^= 1;
    const forged = `${head}.${body}.${bytes.toString("base64url")}`;
    const outcomes = [
      await withJose(forged, jkt).catch(() => false),
      await Promise.resolve()
        .then(() => validateDpopProof(forged, expected, { ...ports, replay: createReplay() }))
        .catch(() => false),
    ];
    if (outcomes.some(Boolean)) throw new Error(`a forged ${alg} proof passed`);
  }
  const [ours, jose] = [median(rates.ours), median(rates.jose)];
  results.push({
    alg,
    "ours /CPU-s": Math.round(ours),
    "jose /CPU-s": Math.round(jose),
    ratio: Number((ours / jose).toFixed(2)),
  });
}
console.table(results);
const es256 = results[0]["ours /CPU-s"];
console.log(
  es256 >= TARGET ? `target ${TARGET} per CPU-second: met` : `target ${TARGET} per CPU-second: MISSED (${es256})`,
);
process.exitCode = es256 >= TARGET ? 0 : 1;
