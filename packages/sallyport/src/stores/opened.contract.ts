import { createTestSystem, type TestSystem } from "@sallyport/auth/testing";
import { afterEach, beforeEach } from "vitest";
import { openStore, type Store } from "./store.js";

/** A kind of database, as the suites see it: where an empty one lies. */
export interface DatabaseUnderTest {
  readonly name: string;
  /** The storage URL of a new, empty database. */
  createUrl(): Promise<string>;
}

export const TEST_MASTER_KEY = new Uint8Array(32).fill(7);

export interface Opened {
  /** Opened before each test on an empty database. */
  store(): Store;
  /** One more on the same database, as another process would have it. */
  another(): Promise<Store>;
  url(): string;
  /** Where one more empty database lies. */
  emptyUrl(): Promise<string>;
  system(): TestSystem;
}

/** Opens before, and closes after each test of the calling `describe`. */
export function useStore(database: DatabaseUnderTest): Opened {
  let url = "";
  let system = createTestSystem();
  let stores: Store[] = [];
  const another = async () => {
    const store = await openStore({ url, masterKey: TEST_MASTER_KEY, system });
    stores.push(store);
    return store;
  };
  beforeEach(async () => {
    system = createTestSystem();
    url = await database.createUrl();
    await another();
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    stores = [];
  });
  return {
    store: () => {
      const [first] = stores;
      if (first === undefined) throw new Error("no store is open");
      return first;
    },
    another,
    url: () => url,
    emptyUrl: () => database.createUrl(),
    system: () => system,
  };
}
