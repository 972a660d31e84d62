import type { System } from "@sallyport/auth";
import type { SessionStore } from "@sallyport/auth/authorization-server";
import type { ExternalGrantStore } from "../federation/index.js";
import type { UserStore, Users } from "../sign-in/index.js";
import type { ClientDirectory } from "./clients.js";
import type { ClientDocumentStore, Registry } from "./storage.js";

/** One tool of a server as its catalogue has it. */
export interface AdminTool {
  readonly tool: string;
  /** What a call needs now. */
  readonly scope: string;
  /** What it needs once a changed definition is accepted. */
  readonly frozenScope: string;
  /** The definition last seen is not the one that was accepted. */
  readonly changed: boolean;
}

/** One protected server. */
export interface AdminServer {
  readonly name: string;
  readonly resource: string;
  /** Every scope there is now. */
  readonly scopes: readonly string[];
  /** Authorization servers whose tokens are accepted instead of ours; empty: ours. */
  readonly issuers: readonly string[];
  tools(): readonly AdminTool[];
  /** The definition last seen of `tool` is the right one now. */
  accept(tool: string): Promise<void>;
}

/** What the rows of the table work with. */
export interface AdminParts {
  readonly version: string;
  readonly issuer: string;
  readonly users: Users;
  readonly userStore: Pick<UserStore, "find" | "findByName">;
  readonly clients: ClientDirectory;
  readonly documents: ClientDocumentStore;
  readonly registry: Registry;
  readonly sessions: Pick<SessionStore, "revoke">;
  readonly externalGrants: Pick<ExternalGrantStore, "revoke">;
  /** Ends what is kept of sign-ins at the identity provider, of one person or of all, from before a time. Answers how many there were. */
  endSignIns(which: { readonly sub?: string; readonly createdBefore?: number }): Promise<number>;
  servers(): readonly AdminServer[];
  readonly system: System;
}
