import type { System } from "@sallyport/auth";
import { tokenName } from "../upstream/credentials/token-name.js";
import type { UserToken } from "../upstream/credentials/user-credentials.js";

interface Key {
  readonly sub: string;
  readonly connection: string;
}

interface Opened {
  readonly version: string;
  readonly token: string;
  readonly scheme: string;
  readonly expires: number;
  readonly id_token?: NonNullable<UserToken["id_token"]>;
}

interface Held {
  readonly token: UserToken;
  readonly version: string;
  readonly usableUntil: number;
  readonly lookedMs: number;
}

export interface HeldLimits {
  readonly heldMs: number;
  readonly aheadSeconds: number;
  readonly held: number;
}

/** Opened tokens, for a moment each: the store is looked at again before a disconnecting elsewhere could go unnoticed. */
export class HeldTokens {
  readonly #held = new Map<string, Held>();

  constructor(
    private readonly system: Pick<System, "now" | "monotonicMs">,
    private readonly limits: HeldLimits,
  ) {}

  find({ sub, connection }: Key): UserToken | undefined {
    const held = this.#held.get(keyOf(sub, connection));
    if (held === undefined || this.system.monotonicMs() - held.lookedMs >= this.limits.heldMs) return undefined;
    return this.system.now() < held.usableUntil ? held.token : undefined;
  }

  /** Answers the same object as long as it is the same token, so that what was made of it stays good. */
  keep({ sub, connection }: Key, { version, token: text, expires, ...opened }: Opened): UserToken {
    const key = keyOf(sub, connection);
    const before = this.#held.get(key);
    const token = before?.version === version ? before.token : { token: text, id: tokenName(text), ...opened };
    const usableUntil = expires - this.limits.aheadSeconds;
    this.#held.delete(key);
    this.#held.set(key, { token, version, usableUntil, lookedMs: this.system.monotonicMs() });
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= this.limits.held) break;
      this.#held.delete(oldest);
    }
    return token;
  }

  forget({ sub, connection }: Key): void {
    this.#held.delete(keyOf(sub, connection));
  }
}

/** Neither holds a space: a subject is base64url, a connection a name. */
function keyOf(sub: string, connection: string): string {
  return `${sub} ${connection}`;
}
