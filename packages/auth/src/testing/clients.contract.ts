import { expect, test } from "vitest";
import { TEST_NOW as NOW, testClient, testGrant } from "./records.contract.js";
import type { Store } from "./under-test.contract.js";

export function describeClients(store: Store): void {
  test("a client comes back as it was added, and an unknown one is undefined", async () => {
    const record = testClient("editor", { secret_hash: "hash", expires: undefined });
    await store().clients.add(record);
    expect(await store().clients.find("editor", NOW)).toEqual(record);
    expect(await store().clients.find("other", NOW)).toBeUndefined();
  });

  test("every member of the metadata survives", async () => {
    const full = testClient("editor");
    const metadata = {
      ...full.metadata,
      client_name: "É <b>\u202e",
      client_uri: "https://editor.example/",
      redirect_uris: ["https://editor.example/cb?a=%20b", "com.example.editor:/cb"],
      token_endpoint_auth_method: "private_key_jwt" as const,
      scope: "mcp:read mcp:write",
      jwks: { keys: [{ kty: "EC", crv: "P-256", x: "x", y: "y" }] },
      dpop_bound_access_tokens: true,
    };
    await store().clients.add({ ...full, metadata, origin: "configured", expires: undefined });
    expect((await store().clients.find("editor", NOW))?.metadata).toEqual(metadata);
  });

  test("adding a client_id that exists is refused, and the first record stays", async () => {
    await store().clients.add(testClient("editor", { secret_hash: "first" }));
    await expect(store().clients.add(testClient("editor", { secret_hash: "second" }))).rejects.toThrow();
    expect((await store().clients.find("editor", NOW))?.secret_hash).toBe("first");
  });

  test("of several concurrent additions of one client_id exactly one succeeds", async () => {
    const results = await Promise.allSettled([1, 2, 3].map(() => store().clients.add(testClient("editor"))));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("an unused registration goes away when it expires", async () => {
    await store().clients.add(testClient("editor", { expires: NOW + 100 }));
    expect(await store().clients.find("editor", NOW + 99)).toBeDefined();
    expect(await store().clients.find("editor", NOW + 100)).toBeUndefined();
  });

  test("a client with a live grant does not expire; when the grant ends, it does", async () => {
    await store().clients.add(testClient("editor", { expires: NOW + 100 }));
    await store().grants.widen(testGrant());
    expect(await store().clients.find("editor", NOW + 100_000)).toBeDefined();
    await store().sessions.revoke({ client_id: "editor" }, NOW + 200);
    expect(await store().clients.find("editor", NOW + 201)).toBeUndefined();
  });
}
