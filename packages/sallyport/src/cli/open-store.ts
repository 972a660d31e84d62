import type { System } from "@sallyport/auth";
import { openStore, type Store } from "../stores/store.js";
import { CliError } from "./exit.js";
import { explainFailure } from "./failure-text.js";
import type { Installation } from "./installation.js";
import { readMasterKey } from "./master-key.js";

/**
 * Opens the store of an installation under its master key.
 * @throws CliError that names the place and the cause.
 */
export async function openInstalledStore(installation: Installation, system: System): Promise<Store> {
  try {
    return await openStore({
      url: installation.storage,
      masterKey: readMasterKey(installation, system),
      system,
      signingAlgorithm: installation.config.keys.algorithm,
    });
  } catch (error) {
    throw new CliError(`the store of ${JSON.stringify(installation.name)}: ${explainFailure(error)}`);
  }
}
