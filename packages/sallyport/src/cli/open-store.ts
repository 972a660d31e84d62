import { existsSync } from "node:fs";
import type { System } from "@sallyport/auth";
import { ForeignMasterKeyError } from "../sealing/foreign-key.js";
import { isSealed } from "../stores/seal-probe.js";
import { openStore, type Store } from "../stores/store.js";
import { CliError } from "./exit.js";
import { explainFailure } from "./failure-text.js";
import { databaseFileOf, type Installation } from "./installation.js";
import { isKeyFileMissing, missingKeyText, readMasterKey } from "./master-key.js";

/** What is left to whoever has lost the key. */
const OR_ANEW = ", or start with an empty database";

/**
 * Opens the store of an installation under its master key. A key file is made for a new database only.
 * @throws CliError that names the place and the cause.
 */
export async function openInstalledStore(installation: Installation, system: System): Promise<Store> {
  const { storage: url, name, config } = installation;
  try {
    if (await lacksItsKey(installation, system)) throw new CliError(missingKeyText(installation) + OR_ANEW);
    const masterKey = keyOf(installation, system);
    return await openStore({ url, masterKey, system, signingAlgorithm: config.keys.algorithm });
  } catch (error) {
    if (error instanceof CliError) throw error;
    const file = databaseFileOf(installation);
    const place = file === undefined ? "" : ` in ${file}`;
    const why = explainFailure(error, installation) + (error instanceof ForeignMasterKeyError ? OR_ANEW : "");
    throw new CliError(`the store of ${JSON.stringify(name)}${place}: ${why}`);
  }
}

/** Whether there is no key file, and something that was sealed under one. */
async function lacksItsKey(installation: Installation, system: System): Promise<boolean> {
  const file = databaseFileOf(installation);
  if (!isKeyFileMissing(installation) || (file !== undefined && !existsSync(file))) return false;
  // Another process may have begun this very installation since the first look: then there is one now.
  return (await isSealed({ url: installation.storage, system })) && isKeyFileMissing(installation);
}

function keyOf(installation: Installation, system: System): readonly Uint8Array[] {
  try {
    return readMasterKey(installation, system);
  } catch (error) {
    throw new CliError(explainFailure(error));
  }
}
