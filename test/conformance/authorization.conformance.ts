import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { createPerson, createStrictClient, ROOT, startProgram } from "../interop/harness.js";
import { runSuite } from "./suite.js";

/* Both scenarios of the suite's authorization leg, against the authorization server of the built program. A person agrees in between. */
const program = await startProgram({
  arguments: ["--", process.execPath, `${ROOT}node_modules/.bin/mcp-server-everything`],
});
afterAll(() => program.stop());

const port = await freePort();
const { client } = await createStrictClient(program.mcpUrl, `http://127.0.0.1:${port}/callback`);
const person = createPerson({ code: program.ownerCode });

let seen = "";
let visit: Promise<unknown> | undefined;
const run = await runSuite(
  [
    "authorization",
    "--url",
    program.issuer,
    "--client-id",
    client.client_id,
    "--resource",
    program.mcpUrl,
    "-p",
    `${port}`,
  ],
  (text) => {
    seen += text;
    const url = /https?:\/\/\S*[?&]response_type=code\S*/.exec(seen)?.[0];
    if (url !== undefined) visit ??= person.visit(url).then((callback) => fetch(callback));
  },
);
await visit;

describe("the authorization server", () => {
  test.each(run.checks)("$scenario: $id", ({ status, message }) => {
    expect(status, message).toBe("SUCCESS");
  });

  test("is asked for its metadata and for a code", () => {
    expect(new Set(run.checks.map(({ scenario }) => scenario))).toEqual(
      new Set(["authorization-server-metadata-endpoint", "authorization-code-grant"]),
    );
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}
