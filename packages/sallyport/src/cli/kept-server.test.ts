import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestSystem } from "@sallyport/auth/testing";
import { afterAll, describe, expect, test } from "vitest";
import { configType, type ServerConfig } from "../config/schema.js";
import { createSealer } from "../sealing/sealer.js";
import { type Installation, protectInstallation } from "./installation.js";
import { keepServer, withKeptServer } from "./kept-server.js";

const dataFolder = mkdtempSync(join(tmpdir(), "sallyport-kept-"));
afterAll(() => rmSync(dataFolder, { recursive: true }));
const FILE = join(dataFolder, "server.sealed");
const sealer = createSealer(new Uint8Array(32).fill(7), createTestSystem());

function installation(server: object, name = "notes"): Installation {
  const config = configType.parse({ servers: { only: server } });
  const only = config.servers.only as ServerConfig;
  return protectInstallation({ name, dataFolder, config, server: only, workingFolder: "/srv/notes" });
}

describe("what a protect installation was started with", () => {
  const started = installation({ command: ["node", "server.js", "--key=topsecret"], env: { A: "b" } });
  const asked = installation({ upstream: "http://localhost/" });

  test("comes back with its command, variables and folder, and lies sealed where only its user reads", () => {
    keepServer(started, sealer);
    const found = withKeptServer(asked, sealer);
    expect(found.servers).toEqual(started.servers);
    expect(found.baseFolder).toBe("/srv/notes");
    expect(found.fingerprint).toBe(started.fingerprint);
    expect(readFileSync(FILE, "utf8")).not.toContain("topsecret");
    expect(statSync(FILE).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["it was never kept", () => rmSync(FILE), sealer, "notes"],
    ["the file is damaged", () => writeFileSync(FILE, "x.y.z"), sealer, "notes"],
    ["the file is another installation's", () => keepServer(started, sealer), sealer, "other"],
    [
      "another master key sealed it",
      () => keepServer(started, sealer),
      createSealer(new Uint8Array(32).fill(8), createTestSystem()),
      "notes",
    ],
  ])("is not guessed when %s: the message says what to do", (_, prepare, key, name) => {
    prepare();
    const other = installation({ upstream: "http://localhost/" }, name);
    expect(() => withKeptServer(other, key)).toThrow(/start it once more with `sallyport protect`/);
  });
});
