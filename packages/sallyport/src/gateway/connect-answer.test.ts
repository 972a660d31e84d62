import { describe, expect, onTestFinished, test } from "vitest";
import { createUserCredentials, type UserCredentialSource } from "../upstream/credentials/user-credentials.js";
import { call, createHarness } from "./testing/harness.js";

const URL = "https://mcp.example.com/account/connect/desk";

const source: UserCredentialSource = {
  tokenFor: () => ({ connectUrl: URL, why: "missing" }),
  refused: () => undefined,
};

/** What a client of `revision` that says `meta` about itself is answered when its person has connected nothing. */
async function ask(revision: string, capabilities?: unknown) {
  const harness = await createHarness({ server: { credentials: createUserCredentials(source, "desk") } });
  onTestFinished(() => harness.gateway.close());
  const modern = revision === "2026-07-28";
  const headers = {
    ...(await harness.caller()),
    ...(revision !== "2025-03-26" && { "mcp-protocol-version": revision }),
    ...(modern && { "mcp-method": "tools/call", "mcp-name": "read_notes" }),
  };
  const body = call("read_notes");
  const meta = {
    "io.modelcontextprotocol/protocolVersion": revision,
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  };
  const params = { ...(body.params as object), ...(modern && { _meta: meta }) };
  const answer = await harness.post({ ...body, params }, headers);
  expect(harness.upstream.exchanges).toHaveLength(0);
  return { status: answer.status, headers: answer.headers, json: await answer.json() };
}

describe("R-44: a call that needs the person's own account elsewhere", () => {
  test("in 2026-07-28 asks a client that takes URLs to open the page, and the same call may come again", async () => {
    const { status, headers, json } = await ask("2026-07-28", { elicitation: { url: {} } });
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(json).toMatchObject({
      id: 1,
      result: {
        resultType: "input_required",
        inputRequests: { sallyport_connect: { method: "elicitation/create", params: { mode: "url", url: URL } } },
      },
    });
  });

  test.each([
    ["says nothing about itself", {}],
    ["takes forms only", { elicitation: { form: {} } }],
    ["says it takes URLs, and not as an object", { elicitation: { url: true } }],
    ["says that elicitation is null", { elicitation: null }],
  ])("in 2026-07-28 is an error with the address for a client that %s", async (_, capabilities) => {
    const { status, json } = await ask("2026-07-28", capabilities);
    expect(status).toBe(403);
    expect(json).toMatchObject({ error: { code: -32000, data: { reason: "connection_needed", connectUrl: URL } } });
  });

  test("in 2025-11-25 is -32042, whose text holds the address as well", async () => {
    const { status, json } = await ask("2025-11-25");
    expect(status).toBe(200);
    const { error } = json as {
      error: { code: number; message: string; data: { elicitations: { elicitationId: string }[] } };
    };
    expect(error.code).toBe(-32042);
    expect(error.message).toContain(URL);
    expect(error.data.elicitations).toMatchObject([{ mode: "url", url: URL }]);
    expect(error.data.elicitations[0]?.elicitationId).toMatch(/^[\w-]{20,}$/);
  });

  test.each(["2025-06-18", "2025-03-26"])(
    "in %s, which has no such thing, is an error with the address",
    async (revision) => {
      const { status, json } = await ask(revision);
      expect(status).toBe(403);
      expect(json).toMatchObject({ error: { code: -32000, data: { reason: "connection_needed", connectUrl: URL } } });
    },
  );
});
