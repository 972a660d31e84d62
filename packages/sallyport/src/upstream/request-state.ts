import { createHmac, timingSafeEqual } from "node:crypto";
import type { System } from "@sallyport/auth";

const TAG_BYTES = 32;
const TAG_CHARACTERS = 43;

/**
 * Binds `requestState` to the principal who got it, where several share one child: the state of one is refused from another. The state
 * itself stays readable, as it was for its client before; whether it is genuine is for the child to check. The key lives as long as
 * the upstream: no state outlives its child anyway. Both sides are JSON text.
 */
export class RequestStates {
  readonly #key: Uint8Array;

  constructor(system: System) {
    this.#key = system.randomBytes(TAG_BYTES);
  }

  bind(state: string, principal: string): string {
    return JSON.stringify(this.#tag(state, principal) + state);
  }

  /** The state as the child gave it, or `undefined` for everything that {@link bind} did not make for this principal. */
  open(bound: string, principal: string): string | undefined {
    const text: unknown = JSON.parse(bound);
    if (typeof text !== "string") return undefined;
    const state = text.slice(TAG_CHARACTERS);
    const [given, right] = [text.slice(0, TAG_CHARACTERS), this.#tag(state, principal)].map((tag) => Buffer.from(tag));
    if (given === undefined || right === undefined || given.length !== right.length) return undefined;
    return timingSafeEqual(given, right) ? state : undefined;
  }

  #tag(state: string, principal: string): string {
    // The length keeps principal and state apart, whatever they hold.
    const text = `${principal.length}:${principal}${state}`;
    return createHmac("sha256", this.#key).update(text).digest("base64url");
  }
}
