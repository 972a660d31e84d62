import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestSystem } from "@sallyport/auth/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Installation } from "./installation.js";
import { loadInstallation } from "./load-installation.js";
import { reloadPolicy, restartNeeded } from "./policy-reload.js";
import type { Running } from "./run.js";

const FILE = `
publicUrl: https://mcp.example.com
servers:
  crm:
    upstream: http://127.0.0.1:9001/mcp
    access: [{ roles: [support], scopes: [mcp:read] }]
    rules:
      - deny: tools/delete_*
`;

describe("a configuration that changes while it is served", () => {
  let folder: string;
  let file: string;
  let applied: Installation[];
  let logged: string[];
  let running: Running;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sallyport-"));
    file = join(folder, "sallyport.yaml");
    writeFileSync(file, FILE);
    applied = [];
    logged = [];
    running = {
      installation: loadInstallation(file),
      system: {
        ...createTestSystem(),
        log: (level, message, fields) => logged.push(JSON.stringify([level, message, fields])),
      },
      program: {
        issuer: "",
        gateway: undefined as never,
        servers: [],
        telemetry: { listen: async () => undefined, reloaded: () => {} },
        applyPolicies: (changed) => applied.push(changed),
        close: async () => {},
      },
    };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const change = (from: string, to: string) => {
    writeFileSync(file, FILE.replace(from, to));
    return reloadPolicy(file, running);
  };

  test("has its rules followed", () => {
    expect(change("delete_*", "drop_*")).toBe(true);
    expect(applied[0]?.config.servers.crm?.rules).toEqual([{ deny: "tools/drop_*" }]);
    expect(logged.join()).not.toContain("restart");
  });

  test.each([
    ["a rule that does not compile", "- deny: tools/delete_*", "- { deny: tools/x, when: 1 + 1 }", "sallyport.yaml:8"],
    ["broken YAML", "rules:", "rules: [", "not YAML"],
    ["an unknown setting", "rules:", "rulez:", "did you mean"],
  ])("keeps the old policy for %s, and says so loudly with the place", (_, from, to, says) => {
    expect(change(from, to)).toBe(false);
    expect(applied).toEqual([]);
    expect(logged.join()).toContain("NOT IN FORCE");
    expect(logged.join()).toContain(says);
  });

  test("keeps the old policy while the file is gone", () => {
    rmSync(file);
    expect(reloadPolicy(file, running)).toBe(false);
    expect(applied).toEqual([]);
  });

  test("has everything but its policy wait for a restart, which is named", () => {
    expect(change(":9001/mcp", ":9002/mcp")).toBe(true);
    expect(logged.join()).toContain("servers.crm.upstream");
  });

  const base = () => running.installation.config;
  test("names servers that came and settings that differ, and no policy", () => {
    writeFileSync(
      file,
      `${FILE.replace("example.com", "example.org").replace("mcp:read", "mcp:write")}  new: { upstream: http://x/, access: [{ users: [a], scopes: [mcp:read] }] }\n`,
    );
    expect(restartNeeded(base(), loadInstallation(file).config)).toEqual(["publicUrl", "servers.new"]);
  });
});
