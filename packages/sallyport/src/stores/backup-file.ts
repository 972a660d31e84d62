import { createHmac, timingSafeEqual } from "node:crypto";
import type { Schema } from "./schema.js";

/*
 * A backup is lines of JSON, compressed with gzip: a header, the rows table by table, and an end that counts them and authenticates all that
 * stands before it (HMAC-SHA-256 under a key from the master key), so that a copy that broke off is noticed, and nobody who can write to
 * the file alone can add an owner to it. It is the same for every kind of database.
 */

/** What the key of a backup is derived for, see `Sealer.derive`. */
export const BACKUP_KEY = "backup";

export interface BackupHeader {
  readonly format: "sallyport-backup";
  readonly version: 1;
  /** Version of the schema. */
  readonly schema: number;
  /** Integer seconds: what changed later is not in it. */
  readonly created: number;
  readonly tables: readonly string[];
  /** Opens under the master key that everything sealed in here was sealed under; the key itself is not in here. */
  readonly seal_probe: string;
}

export interface BackupRow {
  readonly table: keyof Schema;
  readonly row: Readonly<Record<string, string | number | null>>;
}

/** A file that is no backup, or not a whole one. The message says which. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

/** Lines for one backup: `header`, any number of `row`, `end`. */
export function createBackupWriter(key: Uint8Array) {
  const hash = createHmac("sha256", key);
  let rows = 0;
  const line = (value: unknown) => {
    const text = `${JSON.stringify(value)}\n`;
    hash.update(text);
    return text;
  };
  return {
    header: (header: BackupHeader) => line(header),
    row: ({ table, row }: BackupRow) => {
      rows += 1;
      return line([table, row]);
    },
    end: () => `${JSON.stringify({ rows, hmac: hash.digest("hex") })}\n`,
  };
}

/** Far more than any row has: what is longer was not written here. */
const MAX_LINE = 16 * 1024 * 1024;

/** UTF-8 bytes as lines, without their ends. Only a line feed ends one: names may hold every other separator. @throws BackupError */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (chunk: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: true });
    } catch {
      throw new BackupError("it is not text");
    }
  };
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + decode(chunk)).split("\n");
    rest = parts.pop() ?? "";
    if (rest.length > MAX_LINE) throw new BackupError("a line of it is too long");
    yield* parts;
  }
  if (rest !== "") yield rest;
}

export interface BackupReading {
  /** Keys that the backup may have been made under: those of every master key that is known. */
  readonly keys: readonly Uint8Array[];
  readonly knows: (table: string) => boolean;
}

/**
 * Reads the lines of a backup. Whoever calls it has to read to the end before anything counts: only the last line says that it is whole.
 * @throws BackupError while it is read
 */
export async function* readBackup(lines: AsyncIterable<string>, { keys, knows }: BackupReading) {
  const hashes = keys.map((key) => createHmac("sha256", key));
  let header: BackupHeader | undefined;
  let rows = 0;
  let ended = false;
  for await (const text of lines) {
    if (ended) throw new BackupError("there is more behind its end");
    const value = parse(text);
    if (header === undefined) {
      header = headerOf(value);
      yield { header };
    } else if (Array.isArray(value)) {
      rows += 1;
      yield { row: rowOf(value, knows) };
    } else {
      checkEnd(value, { rows, hmacs: hashes.map((hash) => hash.digest()) });
      ended = true;
      continue;
    }
    for (const hash of hashes) hash.update(`${text}\n`);
  }
  if (!ended) throw new BackupError("it breaks off: the end is missing");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BackupError("a line of it is not JSON");
  }
}

function headerOf(value: unknown): BackupHeader {
  const header = value as Partial<BackupHeader> | null;
  if (header?.format !== "sallyport-backup") throw new BackupError("it is no backup of sallyport");
  if (header.version !== 1) throw new BackupError("it was made by a newer version of sallyport");
  const whole =
    Number.isSafeInteger(header.schema) &&
    Number.isSafeInteger(header.created) &&
    typeof header.seal_probe === "string";
  if (!whole) throw new BackupError("its header is damaged");
  return header as BackupHeader;
}

function rowOf(value: readonly unknown[], knows: (table: string) => boolean): BackupRow {
  const [table, row] = value;
  const plain =
    typeof row === "object" &&
    row !== null &&
    !Array.isArray(row) &&
    Object.entries(row).every(
      ([name, cell]) =>
        /^[a-z_]+$/.test(name) && (cell === null || typeof cell === "string" || Number.isSafeInteger(cell)),
    );
  if (typeof table !== "string" || !knows(table) || !plain) throw new BackupError("a row of it is damaged");
  return { table, row } as BackupRow;
}

function checkEnd(value: unknown, { rows, hmacs }: { readonly rows: number; readonly hmacs: readonly Buffer[] }): void {
  const end = value as { readonly rows?: unknown; readonly hmac?: unknown } | null;
  const given = Buffer.from(typeof end?.hmac === "string" ? end.hmac : "", "hex");
  const authentic = hmacs.some((hmac) => hmac.length === given.length && timingSafeEqual(hmac, given));
  if (end?.rows !== rows || !authentic) throw new BackupError("it was changed or damaged after it was made");
}
