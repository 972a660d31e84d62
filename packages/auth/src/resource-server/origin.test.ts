import { describe, expect, test } from "vitest";
import { createOriginPolicy, type OriginVerdict } from "./origin.js";

type Row = readonly [origin: string | undefined, host: string | undefined, verdict: OriginVerdict];

function judged(
  resource: string,
  rows: readonly Row[],
  options: { allowedOrigins?: string[]; allowedHosts?: string[] } = {},
) {
  const policy = createOriginPolicy({ resource, ...options });
  return rows.map(([origin, host]) => [origin, host, policy.judge(origin, host)]);
}

describe("origin and host (R-27, R-28)", () => {
  test("of a public resource are its own", () => {
    const rows: readonly Row[] = [
      [undefined, "mcp.example", "ok"],
      [undefined, "MCP.example", "ok"],
      [undefined, "mcp.example:443", "ok"],
      [undefined, "mcp.example:80", "foreign_host"],
      [undefined, "evil.example", "foreign_host"],
      [undefined, undefined, "foreign_host"],
      [undefined, "", "foreign_host"],
      [undefined, "mcp.example, evil.example", "foreign_host"],
      ["https://mcp.example", "mcp.example", "ok"],
      ["http://mcp.example", "mcp.example", "foreign_origin"],
      ["https://mcp.example.evil.example", "mcp.example", "foreign_origin"],
      ["https://mcp.example:8443", "mcp.example", "foreign_origin"],
      ["http://localhost:3000", "mcp.example", "foreign_origin"],
      ["null", "mcp.example", "foreign_origin"],
      ["", "mcp.example", "foreign_origin"],
    ];
    expect(judged("https://mcp.example/mcp", rows)).toEqual(rows);
  });

  test("of a resource on loopback are every loopback name of its port, and pages on loopback", () => {
    const rows: readonly Row[] = [
      [undefined, "localhost:4000", "ok"],
      [undefined, "127.0.0.1:4000", "ok"],
      [undefined, "[::1]:4000", "ok"],
      [undefined, "localhost", "foreign_host"],
      [undefined, "localhost:4001", "foreign_host"],
      [undefined, "rebound.example:4000", "foreign_host"],
      ["http://localhost:4000", "localhost:4000", "ok"],
      ["http://127.0.0.1:6274", "localhost:4000", "ok"],
      ["http://[::1]:6274", "localhost:4000", "ok"],
      ["https://localhost:6274", "localhost:4000", "foreign_origin"],
      ["http://localhost.evil.example", "localhost:4000", "foreign_origin"],
      ["http://user@localhost:6274", "localhost:4000", "foreign_origin"],
      ["http://2130706433", "localhost:4000", "foreign_origin"],
      ["http://rebound.example:4000", "localhost:4000", "foreign_origin"],
    ];
    expect(judged("http://localhost:4000/mcp", rows)).toEqual(rows);
  });

  test("can be listed besides", () => {
    const rows: readonly Row[] = [
      ["https://app.example", "mcp.internal:8080", "ok"],
      ["https://app.example", "mcp.internal", "foreign_host"],
      ["https://app.example:444", "mcp.example", "foreign_origin"],
    ];
    const options = { allowedOrigins: ["https://app.example"], allowedHosts: ["mcp.internal:8080"] };
    expect(judged("https://mcp.example/mcp", rows, options)).toEqual(rows);
  });

  test.each(["*", "null", "app.example", "https://app.example/", "https://app.example/x"])(
    "are not listed as %j",
    (origin) => {
      expect(() => createOriginPolicy({ resource: "https://mcp.example/mcp", allowedOrigins: [origin] })).toThrow(
        TypeError,
      );
    },
  );
});
