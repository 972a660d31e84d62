import type { Principal } from "@sallyport/auth";
import { createTestSystem } from "@sallyport/auth/testing";
import { describe, expect, test } from "vitest";
import { testClient } from "../../../auth/src/testing/records.contract.js";
import { CLIENT_QUIRKS } from "./client-data.js";
import { createScopeResultReader, quirkOf } from "./client-quirks.js";

describe("the row of a client", () => {
  const CONNECTOR = "https://chatgpt.com/connector/oauth/abc123";
  const rows: readonly (readonly [string, string, readonly string[] | undefined, string | undefined])[] = [
    ["a document at its host", "https://chatgpt.com/oauth/client.json", undefined, "ChatGPT"],
    ["a registration with its redirect URI", "c1", [CONNECTOR], "ChatGPT"],
    ["one with its former redirect URI", "c1", ["https://chatgpt.com/connector_platform_oauth_redirect"], "ChatGPT"],
    ["another host", "https://chatgpt.com.evil.example/c", undefined, undefined],
    ["another port", "https://chatgpt.com:8443/c", undefined, undefined],
    ["its host before an @", "https://chatgpt.com@evil.example/c", undefined, undefined],
    ["its host over http", "http://chatgpt.com/c", undefined, undefined],
    ["no URL", "https://", undefined, undefined],
    ["one redirect URI of its own, one of another", "c1", [CONNECTOR, "http://127.0.0.1/cb"], undefined],
    ["a redirect URI that climbs out", "c1", ["https://chatgpt.com/connector/oauth/../../x"], undefined],
    ["a redirect URI without an id", "c1", ["https://chatgpt.com/connector/oauth/"], undefined],
    ["a redirect URI that goes on", "c1", ["https://chatgpt.com/connector_platform_oauth_redirect/x"], undefined],
    ["a redirect URI that is none", "c1", ["chatgpt"], undefined],
    ["no redirect URI", "c1", [], undefined],
    ["an id like its name", "ChatGPT", undefined, undefined],
  ];
  test.each(rows)("%s", (_, client_id, redirect_uris, client) => {
    expect(quirkOf({ client_id, redirect_uris })?.client).toBe(client);
  });

  test("says when and where it was checked", () => {
    for (const { checked, source } of CLIENT_QUIRKS) {
      expect(checked).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(new URL(source).protocol).toBe("https:");
    }
  });
});

describe("who reads a scope refusal as a tool result", () => {
  const ISSUER = "https://mcp.example";
  const setUp = (find: () => Promise<ReturnType<typeof testClient> | undefined>) => {
    const system = createTestSystem();
    return { system, reads: createScopeResultReader({ issuer: ISSUER, clients: { find }, system }) };
  };
  const caller = (iss: string, client_id: string) => ({ iss, client_id }) as Principal;
  const record = testClient("c1");
  const redirect_uris = ["https://chatgpt.com/connector/oauth/abc"];

  test("goes by the registration of the client, which the token names", async () => {
    const { reads } = setUp(async () => ({ ...record, metadata: { ...record.metadata, redirect_uris } }));
    expect(await reads(caller(ISSUER, "c1"))).toBe(true);
    expect(await setUp(async () => record).reads(caller(ISSUER, "c1"))).toBe(false);
    expect(await setUp(async () => undefined).reads(caller(ISSUER, "https://chatgpt.com/c.json"))).toBe(true);
  });

  test("is nobody with a token of another issuer: nothing was proven here of its client", async () => {
    const { reads } = setUp(async () => undefined);
    expect(await reads(caller("https://login.example", "https://chatgpt.com/c.json"))).toBe(false);
  });

  test("is nobody while the store does not answer: the status is what the specification says", async () => {
    const { reads, system } = setUp(() => Promise.reject(new Error("gone")));
    expect(await reads(caller(ISSUER, "c1"))).toBe(false);
    expect(system.lines).toHaveLength(1);
  });
});
