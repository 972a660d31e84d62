import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "@sallyport/auth";
import { afterAll } from "vitest";
import { describeStorage } from "../../../auth/src/testing/storage.contract.js";
import { describeBackup } from "./backup.contract.js";
import { describeConnectionStorage } from "./connections.contract.js";
import { describeElsewhereStorage } from "./elsewhere.contract.js";
import { type DatabaseUnderTest, TEST_MASTER_KEY } from "./opened.contract.js";
import { describeProgramStorage } from "./program.contract.js";
import { describeRefusalStorage } from "./refusals.contract.js";
import { describeRegistryStorage } from "./registry.contract.js";
import { describeSignInStorage } from "./sign-in.contract.js";
import { openStore } from "./store.js";

const folder = mkdtempSync(join(tmpdir(), "sallyport-store-"));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
const sqlite: DatabaseUnderTest = {
  name: "SQLite",
  createUrl: async () => {
    count += 1;
    return `sqlite:${join(folder, `${count}.db`)}`;
  },
};

describeStorage(sqlite.name, async () => {
  const storage = await openStore({ url: await sqlite.createUrl(), masterKey: TEST_MASTER_KEY, system });
  return { storage, close: () => storage.close() };
});
describeSignInStorage(sqlite);
describeProgramStorage(sqlite);
describeElsewhereStorage(sqlite);
describeRefusalStorage(sqlite);
describeRegistryStorage(sqlite);
describeBackup(sqlite);
describeConnectionStorage(sqlite);
