/*
 * What we remember of callers whose tokens come from another authorization server, keyed (issuer, sub, client_id), so that they can be ended
 * here too and their roles have an age. Times are integer seconds. A store that cannot answer rejects: the caller is then answered with 503.
 */

export interface ExternalCaller {
  readonly issuer: string;
  readonly sub: string;
  readonly client_id: string;
}

export interface ExternalGrant extends ExternalCaller {
  /** Roles here, from the newest token seen. */
  readonly roles: readonly string[];
  /** When that token was issued. */
  readonly roles_at: number;
  /** Tokens issued up to then were ended by an operator; `undefined`: never. */
  readonly revoked_at: number | undefined;
}

/** What an operator ends: everything of an issuer, of one subject, of one client, or of both together. */
export interface ExternalSelector {
  readonly issuer: string;
  readonly sub?: string;
  readonly client_id?: string;
}

export interface ExternalGrantStore {
  /** Remembers the caller and, if `issued` is later than what is known, the roles of this token; atomic. Answers what holds then. */
  observe(
    caller: ExternalCaller & { readonly roles: readonly string[]; readonly issued: number },
  ): Promise<ExternalGrant>;
  /**
   * Ends every token issued up to `at`, of callers not seen yet too. Durable before it resolves; announced as a `grant` with the key
   * {@link externalKey}. Answers how many known callers it concerns.
   */
  revoke(selector: ExternalSelector, at: number): Promise<number>;
}

/** Key of {@link ExternalGrantStore.revoke} in the change feed; `""` stands for "any". */
export function externalKey({ issuer, sub = "", client_id = "" }: ExternalSelector): string {
  return JSON.stringify([issuer, sub, client_id]);
}

/** Every key that concerns one caller. */
export function externalKeys({ issuer, sub, client_id }: ExternalCaller): readonly string[] {
  return [
    externalKey({ issuer, sub, client_id }),
    externalKey({ issuer, sub }),
    externalKey({ issuer, client_id }),
    externalKey({ issuer }),
  ];
}
