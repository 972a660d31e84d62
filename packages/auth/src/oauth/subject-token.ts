/** A verified token at hand, for one purpose: to be exchanged (RFC 8693). */
export interface SubjectToken {
  /** As it came; never logged. */
  readonly token: string;
  /** Integer seconds: nothing made from it lives longer. */
  readonly exp: number;
}

/**
 * Beside the object, and not in it: what is not a member is neither serialised nor logged nor copied by accident, and it is gone with the
 * object. Only a resource server that was told to (`tokenExchange`) puts anything here.
 */
const held = new WeakMap<object, SubjectToken>();

export function holdSubjectToken(who: object, subject: SubjectToken): void {
  held.set(who, subject);
}

/** `undefined`: the resource server keeps none, or `who` is a copy. */
export function subjectTokenOf(who: object): SubjectToken | undefined {
  return held.get(who);
}
