import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { createForwardedNames, forwardedHeaders, readHeaders, returnedHeaders } from "./headers.js";

/** What node:http makes of these lines, as far as it is read here. */
function received(lines: readonly (readonly [string, string])[]): ReturnType<typeof readHeaders> {
  const headers: Record<string, string> = {};
  const headersDistinct: Record<string, string[]> = {};
  for (const [name, value] of lines) {
    const key = name.toLowerCase();
    headers[key] = key in headers && key !== "authorization" ? `${headers[key]}, ${value}` : (headers[key] ?? value);
    headersDistinct[key] = [...(headersDistinct[key] ?? []), value];
  }
  return readHeaders({ headers, headersDistinct, rawHeaders: lines.flat() } as unknown as IncomingMessage);
}

describe("request headers", () => {
  test("that came once are strings; repeated ones are arrays, though node:http hides the second Authorization", () => {
    const { lookup } = received([
      ["Authorization", "Bearer a"],
      ["authorization", "Bearer b"],
      ["Mcp-Name", "x"],
    ]);
    expect(lookup("authorization")).toEqual(["Bearer a", "Bearer b"]);
    expect(lookup("mcp-name")).toBe("x");
    expect(lookup("mcp-method")).toBeUndefined();
    expect(received([["Authorization", "Bearer a"]]).lookup("authorization")).toBe("Bearer a");
  });

  test("go on by an allow-list; credentials, identity, framing and sealed ids never", () => {
    const sent = [
      ...["Accept", "Content-Type", "Traceparent", "Tracestate", "Mcp-Method", "Mcp-Param-Region", "X-Tenant"],
      ...["Authorization", "DPoP", "Cookie", "Host", "Origin", "X-Forwarded-User", "X-Real-Ip", "Forwarded"],
      ...["Transfer-Encoding", "Content-Length", "Mcp-Session-Id", "Last-Event-Id", "Accept-Encoding"],
    ].map((name) => [name, "v"] as const);
    expect(Object.keys(forwardedHeaders(received(sent), createForwardedNames(["X-Tenant"])))).toEqual([
      ...["accept", "content-type", "traceparent", "tracestate", "mcp-method", "mcp-param-region", "x-tenant"],
    ]);
  });

  test("that are repeated go on as one list", () => {
    const forwarded = forwardedHeaders(
      received([
        ["Accept", "a/b"],
        ["Accept", "c/d"],
      ]),
      createForwardedNames(),
    );
    expect(forwarded).toEqual({ accept: "a/b, c/d" });
  });

  test.each(["Authorization", "cookie", "DPoP", "Host", "transfer-encoding", "mcp-session-id", "a b", ""])(
    "%j cannot be configured to go on",
    (name) => expect(() => createForwardedNames([name])).toThrow(TypeError),
  );
});

test("response headers come back by an allow-list: no cookies, challenges or CORS of the upstream", () => {
  const upstream = {
    "content-type": "application/json",
    "retry-after": "3",
    "x-accel-buffering": "no",
    allow: "GÉT",
    "set-cookie": ["a=b"],
    "www-authenticate": "Bearer",
    "access-control-allow-origin": "*",
    server: "x",
    location: "/",
    "mcp-session-id": "raw",
  };
  expect(returnedHeaders(upstream)).toEqual({
    "content-type": "application/json",
    "retry-after": "3",
    "x-accel-buffering": "no",
  });
});
