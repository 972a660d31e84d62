import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listSegments } from "./files.js";
import { followFile } from "./follow.js";
import { formatLine, hashLine } from "./lines.js";
import { decided, logFolder, openTestLog, verifySignature } from "./testing/log-folder.js";
import { verifyLog } from "./verify.js";

const START = { seq: 0, prev: "" };
const first = formatLine(0, "", '"type":"start"');
const second = formatLine(1, hashLine(first), '"type":"gap"');
const behind = { seq: 2, prev: hashLine(second) };
const bytes = (text: string) => Buffer.from(text, "latin1");

describe("a file of a chain", () => {
  it("leads from where the chain stood before it to where it stands behind it, at once or in parts", () => {
    expect(followFile(bytes(`${first}\n${second}\n`), START)).toEqual(behind);
    expect(followFile(bytes(`${second}\n`), followFile(bytes(`${first}\n`), START))).toEqual(behind);
    expect(followFile(bytes(""), behind)).toEqual(behind);
  });

  const rows: readonly (readonly [string, string])[] = [
    ["without its last line break", `${first}\n${second}`],
    ["with an empty line", `${first}\n\n${second}\n`],
    ["with a line twice", `${first}\n${first}\n`],
    ["with lines in another order", `${second}\n${first}\n`],
    ["that begins later", `${second}\n`],
    ["whose line says the same in another spelling", `${first.replace(":0,", ": 0,")}\n`],
    ["whose line before was altered", `${first.replace("start", "stars")}\n${second}\n`],
  ];
  it.each(rows)("leads nowhere %s", (_, text) => {
    expect(followFile(bytes(text), START)).toBeUndefined();
  });

  it("leads nowhere behind one that led nowhere", () => {
    expect(followFile(bytes(`${first}\n`), undefined)).toBeUndefined();
  });
});

it("what nothing else names is a problem still: the last line, which no signature and no other line answers for", async () => {
  const folder = logFolder();
  const { chain, recorder } = await openTestLog(folder);
  recorder.record(decided());
  await chain.durable();
  const file = join(folder, listSegments(folder)[0]?.log ?? "");
  const check = () =>
    verifyLog({ folder, verify: verifySignature }).problems.map(({ kind, message }) => [kind, message]);
  const written = readFileSync(file, "latin1");
  const { seq, hash } = { seq: written.split("\n").length - 1, hash: hashLine(written.split("\n").at(-2) ?? "") };
  expect(check()).toEqual([]);
  appendFileSync(file, `${formatLine(seq, hash, '"type":"gap","lost":1')}\n`);
  expect(check()).toEqual([]);
  writeFileSync(file, `${written}{"prev":"${hash}","seq":${seq},"type":"gap","lost":1}\n`);
  expect(check()).toEqual([["altered", "its lines are not as they were written"]]);
  writeFileSync(file, written);
  await chain.close();
});
