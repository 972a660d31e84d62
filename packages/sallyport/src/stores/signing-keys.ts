import type { SigningKey, SigningKeys, System } from "@sallyport/auth";
import { importSigningKey } from "@sallyport/auth/node";
import type { CryptoKey, JWK } from "jose";
import type { Transaction } from "kysely";
import type { Sealer } from "../sealing/sealer.js";
import type { Backend } from "./backend.js";
import { announce } from "./change-feed.js";
import { generateKey, type KeyMaterial } from "./key-material.js";
import type { Schema } from "./schema.js";
import { fromJson } from "./values.js";

export interface StoredKey {
  readonly kid: string;
  readonly alg: SigningKey["alg"];
  readonly created: number;
  /** When another key took over, seconds; `undefined`: it signs. */
  readonly retired: number | undefined;
}

export interface SigningKeyStore extends SigningKeys {
  current(): Promise<SigningKey>;
  publicKeys(): Promise<readonly JWK[]>;
  /** Newest first. */
  list(): Promise<readonly StoredKey[]>;
  /**
   * A new key, or `material`, signs from now on at every process. Those before stay published until the sweep takes them a week later.
   * @throws TypeError for material that is here already
   */
  rotate(material?: KeyMaterial): Promise<StoredKey>;
  /** The same where the key that signs is at least `seconds` old; once, however many processes ask. `undefined`: it is younger. */
  rotateIfOlder(seconds: number): Promise<StoredKey | undefined>;
  /**
   * Takes a key out of service: what it signed is refused by every process within 2 s. `signs`: it is the one that signs, and stays;
   * `unknown`: there is none.
   */
  remove(kid: string): Promise<"removed" | "signs" | "unknown">;
}

export interface SigningKeyParts {
  readonly sealer: Sealer;
  readonly system: Pick<System, "now">;
  /** What new keys are for, and which of those that sign is this process's. */
  readonly algorithm: SigningKey["alg"];
}

type KeyRow = Schema["signing_keys"];
type Reader = Pick<Transaction<Schema>, "selectFrom">;

/** The authorization server's keys. The private halves lie sealed, bound to their row; the first is made when it is first wanted. */
export function createSigningKeys({ db, write }: Backend, parts: SigningKeyParts): SigningKeyStore {
  const { sealer, system, algorithm } = parts;
  let imported: { readonly kid: string; readonly privateKey: Promise<CryptoKey> } | undefined;
  const currentRow = (from: Reader) =>
    from.selectFrom("signing_keys").selectAll().where("retired", "is", null).where("alg", "=", algorithm);

  const ensure = async (): Promise<KeyRow> => {
    const fresh = rowOf(await generateKey(algorithm), parts);
    // Another process may have been faster: then its key is the key, and this one is forgotten.
    return write(async (tx) => (await currentRow(tx).executeTakeFirst()) ?? insert(tx, fresh));
  };
  const rows = () => db.selectFrom("signing_keys").selectAll().orderBy("created", "desc").orderBy("kid").execute();

  return {
    async current() {
      // Read at every call: another process may have rotated.
      const row = (await currentRow(db).executeTakeFirst()) ?? (await ensure());
      if (imported?.kid !== row.kid) imported = { kid: row.kid, privateKey: openKey(sealer, row) };
      return { kid: row.kid, alg: row.alg, privateKey: await imported.privateKey };
    },
    async publicKeys() {
      const known = await rows();
      return (known.length > 0 ? known : [await ensure()]).map(({ public_jwk }) => fromJson<JWK>(public_jwk));
    },
    list: async () => (await rows()).map(keyOf),
    async rotate(material) {
      const fresh = rowOf(material ?? (await generateKey(algorithm)), parts);
      return write((tx) => takeOver(tx, fresh));
    },
    async rotateIfOlder(seconds) {
      const now = system.now();
      const before = await currentRow(db).executeTakeFirst();
      if (before === undefined || before.created + seconds > now) return undefined;
      const fresh = rowOf(await generateKey(algorithm), parts);
      return write(async (tx) => {
        const still = await currentRow(tx).executeTakeFirst();
        return still?.kid === before.kid ? takeOver(tx, fresh) : undefined;
      });
    },
    remove: (kid) => write((tx) => remove(tx, kid, system.now())),
  };
}

async function takeOver(tx: Transaction<Schema>, fresh: KeyRow): Promise<StoredKey> {
  const { kid, created: retired } = fresh;
  const known = await tx.selectFrom("signing_keys").select("kid").where("kid", "=", kid).executeTakeFirst();
  if (known !== undefined) throw new TypeError(`the key ${kid} is here already`);
  await tx.updateTable("signing_keys").set({ retired }).where("retired", "is", null).execute();
  return keyOf(await insert(tx, fresh));
}

async function remove(tx: Transaction<Schema>, kid: string, now: number): Promise<"removed" | "signs" | "unknown"> {
  const row = await tx.selectFrom("signing_keys").select("retired").where("kid", "=", kid).executeTakeFirst();
  if (row === undefined) return "unknown";
  if (row.retired === null) return "signs";
  await tx.deleteFrom("signing_keys").where("kid", "=", kid).execute();
  await announce(tx, [{ kind: "key", key: kid }], now);
  return "removed";
}

async function insert(tx: Transaction<Schema>, row: KeyRow): Promise<KeyRow> {
  await tx.insertInto("signing_keys").values(row).execute();
  return row;
}

function rowOf(material: KeyMaterial, { sealer, system }: SigningKeyParts): KeyRow {
  const { kid, alg, publicJwk, privateJwk } = material;
  return {
    kid,
    alg,
    public_jwk: JSON.stringify(publicJwk),
    private_jwk: sealer.seal(Buffer.from(JSON.stringify(privateJwk)), place(kid)),
    created: system.now(),
    retired: null,
  };
}

function keyOf({ kid, alg, created, retired }: KeyRow): StoredKey {
  return { kid, alg, created, retired: retired ?? undefined };
}

async function openKey(sealer: Sealer, { kid, alg, private_jwk }: KeyRow): Promise<CryptoKey> {
  const secret = sealer.open(private_jwk, place(kid));
  if (secret === undefined) throw new Error("the signing key does not open: it was sealed under another master key");
  return importSigningKey(fromJson<JWK>(Buffer.from(secret).toString("utf8")), alg);
}

function place(kid: string): string {
  return `signing_keys/${kid}`;
}
