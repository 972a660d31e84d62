import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "./main.js";
import { keepOutput } from "./testing/kept-output.js";

const ACCESS = "    access: [{ roles: [support], scopes: [mcp:read] }]\n";
const RULES = `    rules: [{ deny: tools/refund, when: '!("lead" in principal.roles)' }]\n`;

describe("the roles that somebody is given", () => {
  const said = keepOutput();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sallyport-user-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function user(settings: string, ...words: readonly string[]): Promise<void> {
    const file = join(folder, "sallyport.yaml");
    writeFileSync(file, `servers:\n  crm:\n    upstream: http://127.0.0.1:9/mcp\n${settings}`);
    expect(await main(["user", ...words, "--config", file])).toBe(0);
  }

  test.each<[what: string, settings: string, roles: readonly string[], warning: string]>([
    ["are known from access and rules", ACCESS + RULES, ["support", "lead"], ""],
    ["may be none", ACCESS + RULES, [], ""],
    [
      "are given, with a warning, where nothing of the file names them",
      ACCESS + RULES,
      ["support", "leed"],
      'warning: no access entry or rule names the role "leed"; known: lead, support\n',
    ],
    [
      "are given in a warning of one line where there are several",
      ACCESS,
      ["leed", "a\nb"],
      'warning: no access entry or rule names the roles "leed", "a\\nb"; known: support\n',
    ],
    [
      "are given, with a warning, where the file names none",
      ACCESS.replace("roles: [support]", "users: [ada]"),
      ["support"],
      'warning: no access entry or rule names the role "support"; the file names none\n',
    ],
    [
      "are not wondered about where a rule reads them otherwise",
      `${ACCESS}    rules: [{ deny: tools/refund, when: 'principal.roles.exists(role, role.startsWith("l"))' }]\n`,
      ["leed"],
      "",
    ],
  ])("%s", async (_, settings, roles, warning) => {
    await user(settings, "add", "lea", ...roles.flatMap((role) => ["--role", role]));
    expect(said.output).toContain("Added lea.\n");
    expect(said.errors).toBe(warning);
    said.errors = "";
    await user(settings, "roles", "lea", ...roles);
    expect(said.errors).toBe(warning);
    said.output = "";
    await user(settings, "list", "--json");
    expect(JSON.parse(said.output)).toMatchObject([{ name: "lea", roles }]);
  });
});
