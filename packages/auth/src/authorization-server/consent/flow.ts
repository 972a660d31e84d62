import type { SignedInUser } from "../contract.js";
import type { Start } from "../pipeline.js";
import type { ClientRecord, PendingAuthorization } from "../storage.js";
import type { Offer } from "./offer.js";

/** A request that waits for a person. */
export interface Asked extends Start {
  readonly client: ClientRecord;
  readonly pending: PendingAuthorization;
  /** The resource that the person picked, where the request named none. Checked before it is used. */
  readonly chosen: string | undefined;
}

/** … and the person is known. */
export interface Known extends Asked {
  readonly user: SignedInUser;
}

/** … and what may be granted is worked out. */
export interface Offered extends Known {
  readonly offer: Offer;
}

/** Where the consent page of a request is; sign-in comes back here. */
export function consentUrl({ server, pending }: Pick<Asked, "server" | "pending">): string {
  return `${server.endpoint("/consent")}?request=${pending.id}`;
}
