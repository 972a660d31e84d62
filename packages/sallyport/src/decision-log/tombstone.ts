import { parseObject } from "./lines.js";
import { formatSigned, isSigned, type LogSigner, type VerifyLogSignature } from "./signatures.js";

/** Stands for a segment file that was removed because its time was over: the chain before and after it still fits together. */
export interface Tombstone {
  readonly writer: string;
  readonly segment: number;
  /** Numbers of its first and last line. */
  readonly first: number;
  readonly last: number;
  /** What its first line said of the line before, and the hash of its last line. */
  readonly prev: string;
  readonly hash: string;
  /** Whether the chain ended in it. */
  readonly ended: boolean;
  /** Integer seconds. */
  readonly removed: number;
}

export function formatTombstone(tombstone: Tombstone, signer: LogSigner): string {
  const { writer, segment, first, last, prev, hash, ended, removed } = tombstone;
  const members = JSON.stringify({
    type: "tombstone",
    writer,
    segment,
    first,
    last,
    prev,
    hash,
    ended,
    removed,
    kid: signer.kid,
  });
  return formatSigned(members.slice(0, -1), signer);
}

/** `undefined` for a text that is none, or is not signed by a key that is known. */
export function parseTombstone(text: string, verify: VerifyLogSignature): Tombstone | undefined {
  const members = parseObject(text);
  if (members.type !== "tombstone" || isSigned(text, members.kid, verify) !== true) return undefined;
  return members as unknown as Tombstone;
}
