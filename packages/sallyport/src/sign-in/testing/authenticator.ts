import { createHash, generateKeyPairSync, sign } from "node:crypto";

/** What one WebAuthn ceremony gets wrong on purpose. */
export interface Deviation {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  readonly type?: string;
  readonly userHandle?: string;
  /** Flags byte of the authenticator data; default user present and verified. */
  readonly flags?: number;
  readonly brokenSignature?: boolean;
  /** Signature counter to claim; default one more than last time. */
  readonly counter?: number;
}

/** A passkey in software: ES256, attestation "none" (WebAuthn §6, §8.7). Answers the options our pages embed. */
export function createAuthenticator(origin: string, credentialId = Buffer.alloc(16, 7)) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const id = credentialId.toString("base64url");
  let counter = 0;
  let userHandle = "";

  const authData = (rpId: string, { flags = 0x05, counter: claimed }: Deviation, attested = Buffer.alloc(0)) => {
    counter = claimed ?? counter + 1;
    const head = Buffer.alloc(5);
    head.writeUInt8(flags | (attested.length > 0 ? 0x40 : 0), 0);
    head.writeUInt32BE(counter, 1);
    return Buffer.concat([hash(rpId), head, attested]);
  };
  const clientData = (type: string, challenge: string, wrong: Deviation) =>
    Buffer.from(
      JSON.stringify({
        type: wrong.type ?? type,
        challenge: wrong.challenge ?? challenge,
        origin: wrong.origin ?? origin,
        crossOrigin: false,
      }),
    );
  const answer = (response: Record<string, unknown>) =>
    JSON.stringify({ id, rawId: id, type: "public-key", clientExtensionResults: {}, response });

  return {
    id,
    create(options: string, wrong: Deviation = {}): string {
      const { challenge, rp, user } = JSON.parse(options);
      userHandle = user.id;
      // COSE_Key {1: 2, 3: -7, -1: 1, -2: x, -3: y} and the attestation object, in CBOR.
      const cose = Buffer.concat([hex("a5010203262001215820"), b64(x), hex("225820"), b64(y)]);
      const attested = Buffer.concat([Buffer.alloc(16), uint16(credentialId.length), credentialId, cose]);
      const data = authData(wrong.rpId ?? rp.id, wrong, attested);
      const object = Buffer.concat([
        hex("a363666d74646e6f6e656761747453746d74a068617574684461746158"),
        Buffer.from([data.length]),
        data,
      ]);
      return answer({
        clientDataJSON: clientData("webauthn.create", challenge, wrong).toString("base64url"),
        attestationObject: object.toString("base64url"),
        transports: ["internal", "hybrid"],
      });
    },
    get(options: string, wrong: Deviation = {}): string {
      const { challenge, rpId } = JSON.parse(options);
      const data = authData(wrong.rpId ?? rpId, wrong);
      const client = clientData("webauthn.get", challenge, wrong);
      const signed = Buffer.concat([data, createHash("sha256").update(client).digest()]);
      const signature = sign("sha256", wrong.brokenSignature ? Buffer.concat([signed, signed]) : signed, privateKey);
      return answer({
        clientDataJSON: client.toString("base64url"),
        authenticatorData: data.toString("base64url"),
        signature: signature.toString("base64url"),
        userHandle: wrong.userHandle ?? userHandle,
      });
    },
  };
}

const hash = (text: string) => createHash("sha256").update(text).digest();
const hex = (text: string) => Buffer.from(text, "hex");
const b64 = (text: string) => Buffer.from(text, "base64url");
const uint16 = (value: number) => Buffer.from([value >> 8, value & 255]);
