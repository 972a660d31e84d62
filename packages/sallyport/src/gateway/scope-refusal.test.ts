import { parseChallenges } from "@sallyport/auth";
import { afterEach, describe, expect, test } from "vitest";
import { call, createHarness, type Harness, type HarnessOptions } from "./testing/harness.js";

const MODERN_META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

interface ToolResult {
  readonly resultType?: string;
  readonly isError: boolean;
  readonly content: readonly { readonly text: string }[];
  readonly _meta: { readonly "mcp/www_authenticate": readonly string[] };
}

describe("a call that lacks scope", () => {
  let harness: Harness;
  afterEach(() => harness.gateway.close());
  const setUp = async (server: HarnessOptions["server"], gateway?: HarnessOptions["gateway"]) => {
    harness = await createHarness({ ...(server && { server }), ...(gateway && { gateway }) });
  };
  const readsResult = async () => true;

  const modern = async () => {
    const message = call("write_note");
    const body = { ...message, params: { ...(message.params as object), _meta: MODERN_META } };
    const headers = {
      ...(await harness.caller()),
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "write_note",
    };
    return harness.post(body, headers);
  };

  test("is a 403 for clients that read statuses", async () => {
    await setUp({ readsScopeResult: async () => false });
    const answer = await harness.post(call("write_note"));
    expect(answer.status).toBe(403);
    expect(answer.headers.get("www-authenticate")).toContain("insufficient_scope");
  });

  test.each([
    ["2025-11-25", () => harness.post(call("write_note", {}, "a")), "mcp:read mcp:write", undefined],
    ["2026-07-28", modern, "mcp:write", "complete"],
  ])("of %s is a tool result with the challenge for clients that read that", async (_, ask, scope, resultType) => {
    await setUp({ readsScopeResult: readsResult });
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(answer.headers.get("www-authenticate")).toBeNull();
    const { id, result } = (await answer.json()) as { id: unknown; result: ToolResult };
    expect(id).toBe(resultType === undefined ? "a" : 1);
    expect(result).toMatchObject({ isError: true, content: [{ type: "text", text: expect.any(String) }] });
    expect(result.resultType).toBe(resultType);
    const [challenge, ...more] = result._meta["mcp/www_authenticate"].flatMap(parseChallenges);
    expect(more).toEqual([]);
    expect(challenge?.scheme).toBe("Bearer");
    expect(challenge?.parameters).toMatchObject({
      error: "insufficient_scope",
      error_description: expect.any(String),
      scope,
      resource_metadata: expect.stringContaining("/.well-known/oauth-protected-resource"),
    });
    expect(harness.upstream.exchanges).toHaveLength(0);
  });

  test.each([
    ["a batch", [call("write_note", {}, 1), call("write_note", {}, 2)], 403],
    ["no token", undefined, 401],
    ["a hidden tool", call("no_such_tool"), 200],
  ])("keeps its answer in any other case: %s", async (_, body, status) => {
    await setUp({ readsScopeResult: readsResult });
    const answer = await (body === undefined ? harness.post(call("write_note"), {}) : harness.post(body));
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toContain("mcp/www_authenticate");
  });

  test.each([
    ["a status of an earlier revision", async () => false, () => harness.post(call("write_note")), true],
    ["a status of 2026-07-28", async () => false, modern, false],
    ["a tool result", readsResult, () => harness.post(call("write_note")), false],
  ])("is noted before it goes out, and as one that may be answered by a refresh only for %s", async (...row) => {
    const [, readsScopeResult, ask, legacy] = row;
    const seen: unknown[] = [];
    const observe = async (_: unknown, refused: unknown) => void seen.push(refused);
    await setUp({ readsScopeResult }, { refusals: { observe } });
    await ask();
    expect(seen).toEqual([expect.objectContaining({ tool: "write_note", scopes: ["mcp:write"], legacy })]);
  });
});
