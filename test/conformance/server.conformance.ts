import { afterAll, describe, expect, test } from "vitest";
import { startConformanceServer } from "../fixtures/conformance-server.js";
import { createPerson, createStrictClient, startProgram } from "../interop/harness.js";
import { startTokenShim } from "./shim.js";
import { countChecks, runSuite } from "./suite.js";

/*
 * The suite's server leg, twice: against an SDK server, and against the same server behind the gateway. What the gateway adds must not
 * show: the same checks, with the same results. The list of expected differences is empty, and stays empty.
 */
const server = await startConformanceServer();
const program = await startProgram({ arguments: ["--url", server.url] });
const client = await createStrictClient(program.mcpUrl);
const scope = client.as.scopes_supported?.join(" ") ?? "";
const granted = await client.authorize(createPerson({ code: program.ownerCode }), { scope, answer: { scopes: "all" } });
const shim = await startTokenShim(program.mcpUrl, () => granted.access_token);

afterAll(async () => {
  await shim.close();
  await program.stop();
  await server.close();
});

for (const revision of ["2025-11-25", "2026-07-28"]) {
  const leg = (url: string) => runSuite(["server", "--url", url, "--requirements", revision]);
  const direct = await leg(server.url);
  const through = await leg(shim.url);

  describe(`a ${revision} server behind the gateway`, () => {
    const required = through.checks.filter(({ scenario }) => !through.unscored.has(scenario));

    test.each(required)("$scenario: $id", ({ status, message }) => {
      expect(status, message).not.toBe("FAILURE");
    });

    test("gives exactly the results of the same server without it", () => {
      const [alone, behind] = [countChecks(direct.checks), countChecks(through.checks)];
      const lines = new Set([...alone.keys(), ...behind.keys()]);
      const differences = [...lines]
        .filter((line) => alone.get(line) !== behind.get(line))
        .map(
          (line) => `${line}: ${alone.get(line) ?? 0} times alone, ${behind.get(line) ?? 0} times behind the gateway`,
        );
      expect(differences).toEqual([]);
    });

    test("is asked everything that the revision requires", () => {
      expect(new Set(required.map(({ scenario }) => scenario)).size).toBeGreaterThanOrEqual(30);
    });
  });
}
