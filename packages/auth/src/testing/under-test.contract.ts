import type { AuthorizationServerStorage } from "../authorization-server/storage.js";

/** The store that was opened for the test that runs. */
export type Store = () => AuthorizationServerStorage;

/** Starts all at once, as several processes would; answers in the order of the calls. */
export const race = <T>(count: number, run: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => run(index)));
