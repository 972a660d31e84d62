import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "@sallyport/auth";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore, type Store } from "./store.js";

const OLD = new Uint8Array(32).fill(1);
const NEW = new Uint8Array(32).fill(2);
const NOW = 1_800_000_000;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-rewrap-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function using<T>(masterKey: readonly Uint8Array[], work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ url: `sqlite:${join(folder, "s.db")}`, masterKey, system });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

test("a new master key in front takes over at the next start, and the old one can go after that", async () => {
  const session = {
    sub: "ada",
    auth_time: NOW,
    purpose: "browser" as const,
    pending_id: undefined,
    csrf_secret: "csrf-secret",
    expires: NOW + 600,
  };
  const kid = await using([OLD], async (store) => {
    await store.browserSessions.save("cookie-hash", session);
    return (await store.keys.current()).kid;
  });
  // First where every process can open it, then in front.
  await using([OLD, NEW], async (store) => expect((await store.keys.current()).kid).toBe(kid));
  await using([NEW, OLD], async (store) => expect((await store.keys.current()).kid).toBe(kid));
  await using([NEW], async (store) => {
    expect((await store.keys.current()).kid).toBe(kid);
    expect(await store.browserSessions.find("cookie-hash", NOW)).toEqual(session);
  });
  await expect(using([OLD], async () => {})).rejects.toThrow(/another master key/);
});
