import { createHash } from "node:crypto";
import type { Schema } from "./schema.js";

/*
 * A backup is lines of JSON, compressed with gzip: a header, the rows table by table, and an end that counts them and holds a hash over all
 * that stands before it, so that a copy that broke off is noticed. It is the same for every kind of database.
 */

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
export function createBackupWriter() {
  const hash = createHash("sha256");
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
    end: () => `${JSON.stringify({ rows, sha256: hash.digest("hex") })}\n`,
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

/**
 * Reads the lines of a backup. Whoever calls it has to read to the end before anything counts: only the last line says that it is whole.
 * @throws BackupError while it is read
 */
export async function* readBackup(lines: AsyncIterable<string>, knows: (table: string) => boolean) {
  const hash = createHash("sha256");
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
      checkEnd(value, { rows, sha256: hash.digest("hex") });
      ended = true;
      continue;
    }
    hash.update(`${text}\n`);
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

function checkEnd(value: unknown, { rows, sha256 }: { readonly rows: number; readonly sha256: string }): void {
  const end = value as { readonly rows?: unknown; readonly sha256?: unknown } | null;
  if (end?.rows !== rows || end.sha256 !== sha256) throw new BackupError("it was changed or damaged after it was made");
}
