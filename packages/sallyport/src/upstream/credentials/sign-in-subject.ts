import type { Principal, System } from "@sallyport/auth";
import { TokenRefused } from "@sallyport/auth/client";
import type { CredentialRequest } from "./contract.js";
import { CredentialError } from "./credential-error.js";
import type { TokenCredentialsOptions } from "./token-credentials.js";
import type { SubjectOf } from "./token-sources.js";
import type { ConnectNeeded, UserCredentialSource, UserToken } from "./user-credentials.js";

type Made = Pick<TokenCredentialsOptions, "obtain" | "basis">;

export interface SignInSubjectOptions {
  /** What is kept of sign-ins. */
  readonly source: UserCredentialSource;
  /** The name under which it is kept. */
  readonly connection: string;
  readonly kind: "access-token" | "id-token";
  /** The page of ours on which a person signs in there. */
  readonly signInUrl: string;
  /** Makes the exchange that shows the token. */
  make(subjectOf: SubjectOf): TokenCredentialsOptions["obtain"];
  readonly system: Pick<System, "now">;
}

/** An ID token that lives no longer than this is not shown any more, in seconds: it has to arrive. */
const LEAST_LIFE = 5;

/** RFC 6749 §5.2, and what Entra's on-behalf-of says when the person has to come back (OpenID Connect Core §3.1.2.6). */
const ABOUT_THE_PERSON: ReadonlySet<string> = new Set(["interaction_required", "login_required", "consent_required"]);

/**
 * Tokens for the system behind that are made from the person's own sign-in at the identity provider, and never from the caller's token: where
 * nothing is kept of them, or no more, the person is sent to sign in, and nothing weaker takes its place (RFC 8693 §2.1 `subject_token`).
 */
export function fromSignIn({ source, connection, kind, signInUrl, make, system }: SignInSubjectOptions): Made {
  /** Renewed already because the provider refused what was there: it is not renewed again for that. */
  const renewed = new WeakSet<UserToken>();
  const again = (why: ConnectNeeded["why"], cause?: unknown) =>
    new CredentialError("sign_in_needed", `sign-in at the identity provider: ${why}`, {
      data: { connectUrl: signInUrl, why },
      ...(cause !== undefined && { cause }),
    });
  const found = (answer: UserToken | ConnectNeeded): UserToken => {
    if ("connectUrl" in answer) throw again(answer.why);
    return answer;
  };
  const of = ({ principal }: CredentialRequest): UserToken | Promise<UserToken> => {
    requirePerson(principal);
    const answer = source.tokenFor(principal, connection);
    return answer instanceof Promise ? answer.then(found) : found(answer);
  };
  const shown = (token: UserToken): string => {
    if (kind === "access-token") return token.token;
    if (token.id_token !== undefined && token.id_token.expires - system.now() > LEAST_LIFE) return token.id_token.token;
    throw again(token.id_token === undefined ? "missing" : "ended");
  };
  return {
    // Changes with every renewal and is gone with the sign-in: what was made from it is not used any longer, either.
    basis: (request) => {
      const token = of(request);
      return token instanceof Promise ? token.then(({ id = "" }) => id) : (token.id ?? "");
    },
    obtain: async (request, scope) => {
      const token = await of(request);
      try {
        return await make(() => shown(token))(request, scope);
      } catch (error) {
        if (!(error instanceof TokenRefused)) throw error;
        if (ABOUT_THE_PERSON.has(error.code)) throw again("ended", error);
        if (error.code !== "invalid_grant" || renewed.has(token)) throw error;
        // The provider does not take it although it has not ended: it was revoked there, perhaps with all that the person had.
        const refused = { token, status: 401 as const, headers: {}, attempt: 1 as const };
        const next = await source.refused(request.principal, connection, refused);
        if (next === undefined) throw error;
        const fresh = found(next);
        renewed.add(fresh);
        return make(() => shown(fresh))(request, scope);
      }
    },
  };
}

/** A program that calls for itself has signed in nowhere. */
function requirePerson({ kind }: Principal): void {
  if (kind !== "user") throw new CredentialError("person_needed", "a caller without a person");
}
