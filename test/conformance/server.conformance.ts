import { afterAll, describe, expect, test } from "vitest";
import { startConformanceServer } from "../fixtures/conformance-server.js";
import { createPerson, createStrictClient, startProgram } from "../interop/harness.js";
import { startTokenShim } from "./shim.js";
import { type Check, countChecks, runSuite, type SuiteRun } from "./suite.js";

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

function differences(alone: readonly Check[], behind: readonly Check[]): readonly string[] {
  const [one, two] = [countChecks(alone), countChecks(behind)];
  return [...new Set([...one.keys(), ...two.keys()])]
    .filter((line) => one.get(line) !== two.get(line))
    .map((line) => `${line}: ${one.get(line) ?? 0} times alone, ${two.get(line) ?? 0} times behind the gateway`);
}

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
      const scored = ({ scenario }: Check) => !through.unscored.has(scenario);
      expect(differences(direct.checks.filter(scored), through.checks.filter(scored))).toEqual([]);
    });

    test("fails nothing that the same server without it passes, extensions included", () => {
      const failures = ({ checks }: SuiteRun) => checks.filter(({ status }) => status === "FAILURE");
      const added = differences(failures(direct), failures(through)).filter((line) => !/ 0 times behind/.test(line));
      expect(added).toEqual([]);
    });

    test("is asked everything that the revision requires", () => {
      expect(new Set(required.map(({ scenario }) => scenario)).size).toBeGreaterThanOrEqual(30);
    });
  });
}
