import type { Principal } from "@sallyport/auth";
import type { Credential, CredentialSource, UpstreamRefusal } from "./contract.js";
import { CredentialError } from "./credential-error.js";
import { tokenName } from "./token-name.js";

/** A person's own token at a third party. */
export interface UserToken {
  readonly token: string;
  /** Default `Bearer`. Some third parties want a word of their own, for example `token`. */
  readonly scheme?: string;
  /** Names this token in the log; default: the beginning of its hash. */
  readonly id?: string;
  /** The ID token of a sign-in. `expires` in seconds; it may be over. */
  readonly id_token?: { readonly token: string; readonly expires: number };
}

/** The person has to act first. `connectUrl` is a page of ours, good for this person alone; it holds no token and no secret. */
export interface ConnectNeeded {
  readonly connectUrl: string;
  /** Nothing was ever connected; what was is over (expired, revoked, unlinked); or it does not reach far enough. */
  readonly why: "missing" | "ended" | "scope";
}

/**
 * Port: what people have connected under their own names (the vault). A connection is a name of the configuration; a person is (iss, sub)
 * of the principal, whatever client acts for it. Implementations refresh ahead of expiry, so that a token that is answered lives for at
 * least some seconds; they answer at once when nothing has to be fetched or opened.
 * @throws CredentialError, also as a rejection, when the third party or the store fails: never a token that may be another person's.
 */
export interface UserCredentialSource {
  tokenFor(principal: Principal, connection: string): UserToken | ConnectNeeded | Promise<UserToken | ConnectNeeded>;
  /**
   * The third party refused `token`. Answers another one (refreshed just now) to try once more, or what the person has to do; `undefined`:
   * neither would help. Called at `attempt` 2 as well, where another token is not tried any more.
   */
  refused(
    principal: Principal,
    connection: string,
    refused: { readonly token: UserToken } & UpstreamRefusal,
  ): UserToken | ConnectNeeded | undefined | Promise<UserToken | ConnectNeeded | undefined>;
}

/** The token of an answer. @throws CredentialError `connection_needed` where the person has to act first. */
export function usableToken(answer: UserToken | ConnectNeeded, connection: string): UserToken {
  if ("connectUrl" in answer) throw connectNeeded(answer, connection);
  return answer;
}

/** A credential that is the caller's own at a third party: `credential: { connect: <connection> }`. */
export function createUserCredentials(source: UserCredentialSource, connection: string): CredentialSource {
  /** One credential for each token object, so that a warm call makes none. */
  const made = new WeakMap<UserToken, Credential>();
  const tokens = new WeakMap<Credential, UserToken>();
  const toCredential = (answer: UserToken | ConnectNeeded): Credential => {
    const usable = usableToken(answer, connection);
    const known = made.get(usable);
    if (known !== undefined) return known;
    const { token, scheme = "Bearer", id = tokenName(token) } = usable;
    const credential = { headers: { authorization: `${scheme} ${token}` }, tokenId: id };
    made.set(usable, credential);
    tokens.set(credential, usable);
    return credential;
  };
  return {
    credentialFor: ({ principal }) => {
      const answer = source.tokenFor(principal, connection);
      return answer instanceof Promise ? answer.then(toCredential) : toCredential(answer);
    },
    refused: ({ principal }, credential, refusal) => {
      const token = tokens.get(credential);
      if (token === undefined) return undefined;
      const answer = source.refused(principal, connection, { token, ...refusal });
      if (answer instanceof Promise) return answer.then((late) => toCredential(late ?? refuseForGood(connection)));
      return answer === undefined ? undefined : toCredential(answer);
    },
  };
}

function connectNeeded({ connectUrl, why }: ConnectNeeded, connection: string): CredentialError {
  const message = `connection ${JSON.stringify(connection)}: ${why}`;
  return new CredentialError("connection_needed", message, { data: { connectUrl, connection, why } });
}

function refuseForGood(connection: string): never {
  throw new CredentialError("credential_rejected", `connection ${JSON.stringify(connection)}`);
}
