/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1). Scheme as written; parameter names in lower case, unescaped values. */
export interface Challenge {
  readonly scheme: string;
  readonly token68?: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Parses all challenges of one header value. @throws SyntaxError naming the position; nothing is guessed. */
export function parseChallenges(value: string): readonly Challenge[] {
  throw new TypeError(value);
}

/** The inverse of {@link parseChallenges} for one challenge; values are always quoted and escaped. @throws TypeError for what cannot be sent. */
export function formatChallenge(challenge: Challenge): string {
  throw new TypeError(challenge.scheme);
}
