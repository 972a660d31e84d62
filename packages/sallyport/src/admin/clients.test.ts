import { createMemoryStorage } from "@sallyport/auth/testing";
import { describe, expect, it } from "vitest";
import { testClient, testGrant } from "../../../auth/src/testing/records.contract.js";
import { createClientDirectory } from "./clients.js";
import { readAll } from "./pages.js";
import type { ClientDocument, Page, RegisteredClient } from "./storage.js";

const NOW = 1_800_000_000;

const documentAt = (client_id: string): ClientDocument => ({
  client_id,
  host: new URL(client_id).host,
  client_name: "Editor",
  unlisted: true,
  first_seen: NOW,
  last_seen: NOW,
});

function pageOf<Row extends { readonly client_id: string }>(rows: readonly Row[], { limit, after = "" }: Page): Row[] {
  return rows.filter(({ client_id }) => client_id > after).slice(0, limit);
}

async function setUp() {
  const { clients, grants } = createMemoryStorage();
  const names = ["r1", "r2", "r3"];
  for (const name of names) await clients.add(testClient(name));
  await grants.widen(testGrant({ client_id: "https://unseen.example/client.json" }));
  const documents = ["https://a.example/c", "https://b.example/c"].map(documentAt);
  const configured = ["desk", "agent"].map((client_id) => ({ client_id, client_name: client_id, redirect_uris: [] }));
  const registered = names.map((client_id) => ({ client_id }) as RegisteredClient);
  return createClientDirectory({
    configured,
    clients,
    registry: {
      clients: async (page) => pageOf(registered, page),
      grants: async ({ client_id }) => (client_id?.includes("unseen") ? [testGrant({ client_id })] : []),
    },
    documents: {
      record: async () => {},
      find: async (client_id) => documents.find((document) => document.client_id === client_id),
      list: async (page) => pageOf(documents, page),
    },
    now: () => NOW,
  });
}

const ALL = ["agent", "desk", "r1", "r2", "r3", "https://a.example/c", "https://b.example/c"];

describe("The clients of an installation", () => {
  it.each([1, 2, 3, 5, 7, 100])("are read in pages of %d, each once and in order", async (limit) => {
    const directory = await setUp();
    const found: string[] = [];
    for (let after: string | undefined, pages = 0; pages < 20; pages += 1) {
      const page = await directory.list({ limit, after });
      expect(page.clients.length).toBeLessThanOrEqual(limit);
      found.push(...page.clients.map(({ client_id }) => client_id));
      after = page.next;
      if (after === undefined) break;
    }
    expect(found).toEqual(ALL);
  });

  it("begin at the beginning when the cursor is none of ours", async () => {
    const directory = await setUp();
    for (const after of ["", "nonsense", "other:x"]) {
      expect((await directory.list({ limit: 100, after })).clients.map(({ client_id }) => client_id)).toEqual(ALL);
    }
  });

  it.each([
    ["desk", "configured"],
    ["r2", "registered"],
    ["https://b.example/c", "document"],
    ["https://unseen.example/client.json", "document"],
    ["nobody", undefined],
  ])("%s is found as %s", async (client_id, kind) => {
    expect((await (await setUp()).find(client_id))?.kind).toBe(kind);
  });

  it("a registered client is shown without the hash of its secret", async () => {
    expect(JSON.stringify(await (await setUp()).find("r1"))).not.toContain("secret_hash");
  });
});

describe("A list that is read to its end", () => {
  it.each([0, 1, 999, 1_000, 1_001, 2_000])("has all of %d rows", async (count) => {
    const rows = Array.from({ length: count }, (_, index) => String(index).padStart(5, "0"));
    const read = async ({ limit, after = "" }: Page) => rows.filter((row) => row > after).slice(0, limit);
    const found: string[] = [];
    for await (const row of readAll(read, (row) => row)) found.push(row);
    expect(found).toEqual(rows);
  });
});
