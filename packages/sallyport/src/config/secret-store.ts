/** What the operator has stored under a name, for `{ secret: <name> }` in the configuration. The value itself is in no listing. */
export interface StoredSecret {
  readonly name: string;
  readonly created: number;
  readonly updated: number;
}

/** Port. Values lie sealed, each over its name. Every change is announced through the change feed, in the same transaction. */
export interface SecretStore {
  /** Adds or replaces. */
  set(name: string, value: string): Promise<void>;
  /** Those of `names` that there are. @throws Error for one that is there and opens under no master key. */
  read(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  list(): Promise<readonly StoredSecret[]>;
  /** `false`: there was none of that name. */
  remove(name: string): Promise<boolean>;
}
