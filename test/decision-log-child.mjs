// Records decisions until it is killed, and says on standard output what it knows to be recorded. argv: folder.
import { generateKeyPairSync } from "node:crypto";
import { setTimeout as later } from "node:timers/promises";
import { system } from "@sallyport/auth";
import { ChainWriter } from "../packages/sallyport/dist/decision-log/chain-writer.js";
import { createLogSigner } from "../packages/sallyport/dist/decision-log/signatures.js";

const [folder] = process.argv.slice(2);
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const signer = createLogSigner("child", privateKey.export({ format: "jwk" }));
const chain = await ChainWriter.open({ folder, signer, system, links: [] });
process.stdout.write(`${JSON.stringify({ key: publicKey.export({ format: "jwk" }) })}\n`);

/** A pipe is written synchronously, so that a line is out before the next step. */
const said = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const entry = (id) => ({ members: `"type":"decision","time":${system.now()},"requestId":${id}` });
for (let id = 0; ; id++) {
  chain.append(() => entry(id));
  said({ taken: id, at: process.hrtime.bigint().toString() });
  if (id % 10 === 0) {
    await chain.durable();
    said({ durable: id });
  }
  await later(1);
}
