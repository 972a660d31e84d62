import type { Awaitable } from "../oauth/awaitable.js";
import { type SubjectToken, subjectTokenOf } from "../oauth/subject-token.js";
import { system as realSystem } from "../system.js";
import type { Caller, ExchangedToken, TokenExchanger } from "./contract.js";
import { createDownstreamFetch } from "./downstream-fetch.js";
import { type Target, tokenExchangeGrant } from "./grants.js";
import { createHeldTokens } from "./held-tokens.js";
import { createTokenEndpoint, type TokenEndpointOptions } from "./token-endpoint.js";

export interface TokenExchangerOptions extends TokenEndpointOptions {
  /** RFC 8693 §2.1: who acts, where the server wants it proven by a token; asked for at every exchange. */
  readonly actor?: () => Awaitable<string>;
  /** Tokens kept; default 10,000. */
  readonly cachedTokens?: number;
}

/**
 * For servers that call others in the caller's name: never with the caller's token, always with one of their own, narrower, and
 * attributed. @throws TypeError for options that cannot work.
 */
export function createTokenExchanger(options: TokenExchangerOptions): TokenExchanger {
  const { actor, system = realSystem, cachedTokens = 10_000 } = options;
  const endpoint = createTokenEndpoint(options);
  const tokens = createHeldTokens<ExchangedToken, SubjectToken>({ system, size: cachedTokens });

  const exchange = async ({ token }: SubjectToken, target: Target): Promise<ExchangedToken> => {
    const actor_token = await actor?.();
    return endpoint.request(tokenExchangeGrant({ subject_token: token, actor_token, ...target }));
  };
  const exchanger: TokenExchanger = {
    async exchangeToken(caller, target) {
      const subject = requireSubject(caller);
      const from = { until: subject.exp, owner: subject };
      return tokens.get(keyOf(subject, target), from, () => exchange(subject, target));
    },
    drop: (caller, target, refused) => tokens.drop(keyOf(requireSubject(caller), target), refused),
    fetch: (caller, target) => createDownstreamFetch({ exchanger, caller, target, options, system }),
  };
  return exchanger;
}

function requireSubject(caller: Caller): SubjectToken {
  const subject = subjectTokenOf(caller);
  if (subject !== undefined) return subject;
  throw new TypeError(
    "exchangeToken: no token is at hand for this caller. Set tokenExchange: true on its resource server, and hand in the very object that the handler got.",
  );
}

/** The token stands in its own key: it lies in memory beside it anyway, and two tokens of one caller may be good for different things. */
function keyOf({ token }: SubjectToken, { resource, audience, scope }: Target): string {
  return JSON.stringify([token, resource ?? null, audience ?? null, scope ?? null]);
}
