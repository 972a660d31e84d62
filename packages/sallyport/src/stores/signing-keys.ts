import type { SigningKeys, System } from "@sallyport/auth";
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import type { Transaction } from "kysely";
import type { Sealer } from "../sealing/sealer.js";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";
import { fromJson } from "./values.js";

export interface RotatableSigningKeys extends SigningKeys {
  /** Makes a new key that signs from now on, at every process. The old one stays published until the sweep takes it. */
  rotateSigningKey(): Promise<void>;
}

const ALGORITHM = "ES256";

type KeyRow = Schema["signing_keys"];

/** The authorization server's keys. The private halves lie sealed, bound to their row; the first is made when it is first wanted. */
export function createSigningKeys(
  { db, write }: Backend,
  { sealer, system }: { readonly sealer: Sealer; readonly system: Pick<System, "now"> },
): RotatableSigningKeys {
  const currentRow = (from: Pick<typeof db, "selectFrom">) =>
    from.selectFrom("signing_keys").selectAll().where("retired", "is", null).executeTakeFirst();
  let imported: { readonly kid: string; readonly privateKey: Promise<CryptoKey> } | undefined;

  const ensure = async (): Promise<KeyRow> => {
    const fresh = await makeKey(sealer, system.now());
    // Another process may have been faster: then its key is the key, and this one is forgotten.
    return write(async (tx) => (await currentRow(tx)) ?? insert(tx, fresh));
  };

  return {
    async current() {
      // Read at every call: another process may have rotated.
      const row = (await currentRow(db)) ?? (await ensure());
      if (imported?.kid !== row.kid) imported = { kid: row.kid, privateKey: openKey(sealer, row) };
      return { kid: row.kid, alg: ALGORITHM, privateKey: await imported.privateKey };
    },
    async publicKeys() {
      const read = () => db.selectFrom("signing_keys").select(["public_jwk"]).orderBy("created", "desc").execute();
      let rows = await read();
      if (rows.length === 0) {
        await ensure();
        rows = await read();
      }
      return rows.map(({ public_jwk }) => fromJson<JWK>(public_jwk));
    },
    async rotateSigningKey() {
      const fresh = await makeKey(sealer, system.now());
      await write(async (tx) => {
        await tx.updateTable("signing_keys").set({ retired: fresh.created }).where("retired", "is", null).execute();
        await insert(tx, fresh);
      });
    },
  };
}

async function insert(tx: Transaction<Schema>, row: KeyRow): Promise<KeyRow> {
  await tx.insertInto("signing_keys").values(row).execute();
  return row;
}

async function makeKey(sealer: Sealer, now: number): Promise<KeyRow> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  const secret = Buffer.from(JSON.stringify(await exportJWK(privateKey)));
  return {
    kid,
    alg: ALGORITHM,
    public_jwk: JSON.stringify({ ...jwk, kid, alg: ALGORITHM, use: "sig" }),
    private_jwk: sealer.seal(secret, place(kid)),
    created: now,
    retired: null,
  };
}

async function openKey(sealer: Sealer, { kid, private_jwk }: KeyRow): Promise<CryptoKey> {
  const secret = sealer.open(private_jwk, place(kid));
  if (secret === undefined) throw new Error("the signing key does not open: it was sealed under another master key");
  const key = await importJWK(fromJson<JWK>(Buffer.from(secret).toString("utf8")), ALGORITHM);
  if (key instanceof Uint8Array) throw new TypeError("a signing key is asymmetric");
  return key;
}

function place(kid: string): string {
  return `signing_keys/${kid}`;
}
