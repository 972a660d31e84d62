import type { AskedCallDetail, CallDetail } from "../../core/call-details.js";
import type { ResourceDescription, SignedInUser } from "../contract.js";
import type { Visit } from "../pipeline.js";
import type { ClientRecord, Grant, PendingAuthorization } from "../storage.js";

/** A request that waits for a person. */
export interface Asked extends Visit {
  readonly client: ClientRecord;
  readonly pending: PendingAuthorization;
  /** The resource that the person picked, where the request named none. Checked before it is used. */
  readonly chosen: string | undefined;
}

/** … and the person is known. */
export interface Known extends Asked {
  readonly user: SignedInUser;
}

export interface OfferedScope {
  readonly scope: string;
  readonly title: string;
  readonly description: string | undefined;
  readonly tools: readonly string[];
  /** As in the description. */
  readonly expected?: readonly string[];
  /** The client asked for it (or for nothing that exists, and this is the baseline): ticked when the page opens. */
  readonly asked: boolean;
  /** Consented to before, for this client and resource. */
  readonly granted: boolean;
}

/** A kind of call that the client asked for in particular. */
export interface OfferedDetail {
  readonly asked: AskedCallDetail;
  /** The least scopes of its tools, all of which the person may give. */
  readonly scopes: readonly string[];
  /** The same as consented to before; never one call only, which each time is another one. */
  readonly granted: CallDetail | undefined;
}

/** What one person may give one client at one resource, and what of it was asked for. */
export interface Offer {
  readonly resource: ResourceDescription;
  readonly grant: Grant | undefined;
  /** Everything that may be granted; never more than the entitlement. */
  readonly scopes: readonly OfferedScope[];
  readonly details: readonly OfferedDetail[];
  /** Asked for, and of tools that do not exist or that the person may not use. */
  readonly withheldDetails: readonly AskedCallDetail[];
  /** Titles of what was asked for and may not be granted. */
  readonly withheld: readonly string[];
}

/** … and what may be granted is worked out. */
export interface Offered extends Known {
  readonly offer: Offer;
}

/** Where the consent page of a request is; sign-in comes back here. */
export function consentUrl({ server, pending }: Pick<Asked, "server" | "pending">): string {
  return `${server.endpoint("/consent")}?request=${pending.id}`;
}
