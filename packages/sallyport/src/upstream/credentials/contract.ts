import type { McpCall, Principal } from "@sallyport/auth";

/** What one request to the system behind carries as the gateway's own (the inner door). It is shown to nobody and never logged. */
export interface Credential {
  /** Lower case; they replace what the request brings under the same name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names the token in the decision log and opens nothing: its `jti`, or the beginning of its hash. `undefined`: no token was made for it. */
  readonly tokenId: string | undefined;
}

/** One judged and allowed exchange that is about to be sent. */
export interface CredentialRequest {
  readonly principal: Principal;
  /** What was allowed; `[]` for answers to a server's requests. */
  readonly calls: readonly McpCall[];
  readonly method: "POST" | "GET" | "DELETE";
  /** The caller's access token, read from its request only when this is called: for a token exchange, and for nothing else. */
  callerToken(): string;
}

/** How the system behind refused a credential. */
export interface UpstreamRefusal {
  readonly status: 401 | 403;
  /** Response headers, lower case: `www-authenticate` says why, `dpop-nonce` what is missing. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** 1 for the credential that the call went on with, 2 for its replacement. After the second nothing is sent again. */
  readonly attempt: 1 | 2;
}

/**
 * Port: the step between the decision and the sending. `credentialFor` answers at once when nothing has to be fetched, which is so for
 * nearly every call. @throws CredentialError, also as a rejection: then nothing goes on, and the caller gets the named answer.
 */
export interface CredentialSource {
  credentialFor(request: CredentialRequest): Credential | Promise<Credential>;
  /**
   * A 401 or 403 came back, so that the call was not carried out. Forgets what was refused, and answers a replacement to send the same
   * call with once more; `undefined`: there is none, and the caller gets the gateway's 502. May throw a CredentialError instead.
   */
  refused?(
    request: CredentialRequest,
    credential: Credential,
    refusal: UpstreamRefusal,
  ): Credential | Promise<Credential> | undefined;
  /** Told of every answer that was no refusal, for what it teaches about the next request (RFC 9449 §8.2: `dpop-nonce`). */
  answered?(headers: Readonly<Record<string, string | readonly string[]>>): void;
  /** What goes on when nobody calls, to read what the server offers; absent where every credential is somebody's. */
  own?(): Promise<Credential>;
  /** Forgets what was made for callers who are no longer live. Called when the store has said what was revoked. */
  forget?(isEnded: (principal: Principal) => boolean): void;
}
