import { expect, test } from "vitest";
import { ForeignMasterKeyError } from "../sealing/foreign-key.js";
import { SecretFileError } from "../sealing/secret-file.js";
import { explainFailure } from "./failure-text.js";

test.each([
  ["read", "EACCES", "this user may not; run this as the user whose installation it is"],
  ["made", "EROFS", "nothing can be written there"],
  ["made", "ELOOP", "what the system says"],
])("a secret file that cannot be %s for %s is named, with the reason", (verb, code, text) => {
  const cause = Object.assign(new Error("what the system says"), { code });
  const error = new SecretFileError(`the master key file "/k" cannot be ${verb}`, { cause });
  expect(explainFailure(error)).toBe(`the master key file "/k" cannot be ${verb}: ${text}`);
});

test.each([
  [{ file: "/k" }, "the file /k"],
  [{ env: "KEY" }, "the environment variable KEY"],
  [{ command: ["kms", "decrypt"] as const }, "the command kms of masterKey"],
])("what another master key sealed is said with the place of the present one: %j", (masterKey, place) => {
  const text = explainFailure(new ForeignMasterKeyError("it"), {
    masterKey: "command" in masterKey ? { command: [...masterKey.command] } : masterKey,
  });
  expect(text).toBe(
    `it was sealed under another master key than that of ${place}: bring the one that sealed it back there`,
  );
});
