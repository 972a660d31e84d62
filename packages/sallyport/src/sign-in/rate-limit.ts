import { isIPv6 } from "node:net";
import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";
import { PageRefusal } from "./refusal.js";

/** Tries per window. A name is protected from many addresses, an address from trying many names. */
export const LIMITS = {
  /** Passwords tried for one name. */
  name: { points: 10, duration: 900 },
  /** Passwords, codes and passkeys tried from one address. */
  address: { points: 30, duration: 900 },
  /** Passkey challenges written down for one address, since anyone may ask for the page. */
  page: { points: 120, duration: 600 },
  /** Logout tokens from one address, which is the identity provider's for everybody. */
  logout: { points: 1_200, duration: 60 },
} as const;

export type Limits = Readonly<Record<keyof typeof LIMITS, { readonly points: number; readonly duration: number }>>;

export interface RateLimit {
  /** Counts a try. @throws PageRefusal `too_many` with `Retry-After` when the window is used up. */
  count(kind: keyof Limits, key: string): Promise<void>;
  /** A try that succeeded does not count against an address that many people share. */
  refund(kind: keyof Limits, key: string): Promise<void>;
  /** Success forgets the tries of a name. */
  forget(kind: keyof Limits, key: string): Promise<void>;
}

/** In memory and per process: with N replicas an attacker has N times the tries, which is still nothing. */
export function createRateLimit(given: Partial<Limits> = {}): RateLimit {
  const limits = { ...LIMITS, ...given };
  const limiters = {
    name: new RateLimiterMemory(limits.name),
    address: new RateLimiterMemory(limits.address),
    page: new RateLimiterMemory(limits.page),
    logout: new RateLimiterMemory(limits.logout),
  };
  return {
    count: async (kind, key) => {
      await limiters[kind].consume(key).catch((result: RateLimiterRes) => {
        throw new PageRefusal("too_many", Math.max(1, Math.ceil(result.msBeforeNext / 1000)));
      });
    },
    refund: async (kind, key) => {
      await limiters[kind].reward(key);
    },
    forget: async (kind, key) => {
      await limiters[kind].delete(key);
    },
  };
}

/** Whoever has one IPv6 address has its whole /64. */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const plain = address.split("%")[0] ?? address;
  if (!isIPv6(plain)) return plain;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [head = "", tail] = plain.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0"), ...back];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
