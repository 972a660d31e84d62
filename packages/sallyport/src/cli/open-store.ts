import type { System } from "@sallyport/auth";
import { loadMasterKey, MASTER_KEY_BYTES } from "../sealing/master-key.js";
import { openStore, type Store } from "../stores/store.js";
import { CliError } from "./exit.js";
import { explainFailure } from "./failure-text.js";
import type { Installation } from "./installation.js";

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

export function readMasterKey({ masterKey }: Installation, system: System): readonly Uint8Array[] {
  if ("file" in masterKey) return loadMasterKey({ file: masterKey.file, system });
  const value = process.env[masterKey.env];
  if (value === undefined || value === "") {
    throw new Error(
      `the environment variable ${masterKey.env} is empty; it must hold base64 of ${MASTER_KEY_BYTES} random bytes`,
    );
  }
  return loadMasterKey({ file: "", env: value, system });
}
