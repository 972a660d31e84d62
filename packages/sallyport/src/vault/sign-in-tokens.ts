import { FederationError, type RelyingParty } from "../federation/index.js";
import { ConnectionError, type ConnectionReason } from "./connection-error.js";
import type { TokenGiver } from "./provider.js";

const REASONS: Readonly<Record<FederationError["reason"], ConnectionReason>> = {
  idp_unreachable: "connection_unreachable",
  idp_garbage: "connection_garbage",
  idp_issuer: "connection_garbage",
  idp_refused: "connection_client_refused",
  idp_denied: "connection_denied",
  idp_answer_refused: "connection_garbage",
  idp_not_fresh: "connection_garbage",
  idp_account_refused: "connection_garbage",
};

/** The company's identity provider as what it also is: somebody who gave us tokens of a person, renews them and takes them back. */
export function createSignInTokens(idp: Pick<RelyingParty, "refresh" | "revoke">): TokenGiver {
  return {
    scopes: [],
    moreScopes: [],
    scheme: "Bearer",
    refresh: async (held) => {
      const renewed = await idp.refresh(held).catch(named);
      if (renewed === undefined)
        throw new ConnectionError("connection_ended", "the refresh token is not known any more");
      const { scopes, ...tokens } = renewed;
      return { tokens, scopes };
    },
    revoke: (tokens) => idp.revoke(tokens).catch(named),
  };
}

function named(error: unknown): never {
  if (!(error instanceof FederationError)) throw error;
  throw new ConnectionError(REASONS[error.reason], error.message, { cause: error });
}
