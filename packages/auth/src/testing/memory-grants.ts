import type { Grant } from "../authorization-server/storage.js";

/** The grants of {@link createMemoryStorage}, found by id and by whose they are. */
export class MemoryGrants {
  readonly #byId = new Map<string, Grant>();
  readonly #byOwner = new Map<string, Grant>();

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  find(owner: Pick<Grant, "sub" | "client_id" | "resource">): Grant | undefined {
    return this.#byOwner.get(ownerKey(owner));
  }

  all(): readonly Grant[] {
    return [...this.#byId.values()];
  }

  set(grant: Grant): void {
    this.#byId.set(grant.id, grant);
    this.#byOwner.set(ownerKey(grant), grant);
  }

  delete(grant: Grant): void {
    this.#byId.delete(grant.id);
    this.#byOwner.delete(ownerKey(grant));
  }
}

function ownerKey({ sub, client_id, resource }: Pick<Grant, "sub" | "client_id" | "resource">): string {
  return JSON.stringify([sub, client_id, resource]);
}
