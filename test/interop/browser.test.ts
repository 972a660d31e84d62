import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM_MISSING, launchChromium, MISSING_TITLE } from "../e2e/chromium.js";
import { createBrowserPerson } from "./browser-person.js";
import { CLIENTS } from "./clients.js";
import { type Program, ROOT, startProgram } from "./harness.js";

/* The whole way of a user: the built program, a real server, a real client, and a real browser in between. */
describe.skipIf(CHROMIUM_MISSING)(CHROMIUM_MISSING ? MISSING_TITLE : "with a person in Chromium", () => {
  let browser: Browser;
  let program: Program;
  let person: Awaited<ReturnType<typeof createBrowserPerson>>;

  beforeAll(async () => {
    browser = await launchChromium();
    program = await startProgram({
      arguments: ["--", process.execPath, `${ROOT}node_modules/.bin/mcp-server-everything`],
    });
    person = await createBrowserPerson(browser, { code: program.ownerCode });
  });
  afterAll(async () => {
    await person?.close();
    await browser?.close();
    await program?.stop();
  });

  test.each(CLIENTS.map((client) => [client.name, client] as const))(
    "%s signs in, reads, steps up and writes",
    async (_, client) => {
      const connection = await client.connect(program.mcpUrl, { person, client_name: client.name });
      expect(await connection.call("get-sum", { a: 1, b: 2 })).toContain("3");
      await expect(connection.call("toggle-simulated-logging")).rejects.toThrow();
      expect(person.consentPages.at(-1)).toContain("toggle-simulated-logging");
      await connection.finish();
      expect(await connection.call("toggle-simulated-logging")).toMatch(/logging/i);
      expect(connection.state.requests).toHaveLength(2);
      await connection.close();
    },
  );

  test.each(CLIENTS.map((client) => [client.name, client] as const))(
    "%s signs in and steps up with a passkey alone",
    async (_, client) => {
      const own = await startProgram({
        arguments: ["--", process.execPath, `${ROOT}node_modules/.bin/mcp-server-everything`],
      });
      const reader = await createBrowserPerson(browser, { code: own.ownerCode, passkey: true });
      const connection = await client.connect(own.mcpUrl, { person: reader, client_name: client.name });
      expect(await connection.call("get-sum", { a: 1, b: 2 })).toContain("3");
      await expect(connection.call("toggle-simulated-logging")).rejects.toThrow();
      expect(reader.consentPages.at(-1)).toContain("toggle-simulated-logging");
      expect(reader.trail).toContain("sign-in-passkey");
      await connection.finish();
      expect(await connection.call("toggle-simulated-logging")).toMatch(/logging/i);
      await connection.close();
      await reader.close();
      await own.stop();
    },
  );

  test("a person who refuses sends the client away empty-handed, and the client can ask again", async () => {
    const [client] = CLIENTS;
    const answers = [{ approve: false }, { approve: true }];
    const connect = () => client?.connect(program.mcpUrl, { person, answer: () => answers.shift() ?? {} });
    await expect(connect()).rejects.toThrow();
    const connection = await connect();
    expect(await connection?.tools()).toContain("get-sum");
    await connection?.close();
  });
});
