import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "@sallyport/auth";
import { afterAll } from "vitest";
import { describeStorage } from "../../../auth/src/testing/storage.contract.js";
import { openStore } from "./store.js";

const folder = mkdtempSync(join(tmpdir(), "sallyport-store-"));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;
const masterKey = new Uint8Array(32).fill(7);

describeStorage("SQLite", async () => {
  count += 1;
  const storage = await openStore({ url: `sqlite:${join(folder, `${count}.db`)}`, masterKey, system });
  return { storage, close: () => storage.close() };
});
