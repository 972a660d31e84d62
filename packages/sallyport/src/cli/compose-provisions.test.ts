import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestSystem } from "@sallyport/auth/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseConfig } from "../config/load.js";
import { composeProvisions } from "./compose-provisions.js";
import { CliError } from "./exit.js";
import { fileInstallation } from "./installation.js";

const NO_SECRETS = {
  version: 0,
  read: () => {
    throw new Error("none is stored");
  },
  reload: async () => {},
};

function compose() {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-provisions-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "sallyport.yaml");
  const text = `
servers:
  crm: { command: [x], env: { REGION: eu, KEY: { file: crm.key } }, access: [{ roles: [a], scopes: [mcp:read] }] }
`;
  const installation = fileInstallation(file, parseConfig(text, { file, environment: {} }));
  const system = createTestSystem();
  const [server] = installation.servers;
  if (server === undefined) throw new Error("no server");
  return {
    key: join(folder, "crm.key"),
    system,
    start: () => composeProvisions(server, { installation, system, vault: undefined, secrets: NO_SECRETS }),
  };
}

describe("the environment of a configured stdio server", () => {
  test("follows a file that is replaced while the program runs, and is none while the file is away", async () => {
    const { key, system, start } = compose();
    writeFileSync(key, "first\n");
    const provisions = start();
    const first = await provisions.for(undefined);
    expect(first.issue().variables).toEqual({ REGION: "eu", KEY: "first" });
    writeFileSync(key, "second\n");
    system.advance(1);
    const second = await provisions.for(undefined);
    expect([second.issue().variables.KEY, second.mark === first.mark]).toEqual(["second", false]);
    rmSync(key);
    system.advance(1);
    await expect(provisions.for(undefined)).rejects.toMatchObject({ kind: "overloaded" });
    writeFileSync(key, "third");
    expect((await provisions.for(undefined)).issue().variables.KEY).toBe("third");
    await provisions.close();
  });

  test("does not begin without a secret that it names", () => {
    expect(() => compose().start()).toThrow(CliError);
  });
});
