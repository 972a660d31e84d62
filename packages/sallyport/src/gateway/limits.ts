import { MAX_BODY_BYTES } from "@sallyport/auth";
import type { Limits } from "./contract.js";

const MIB = 1024 * 1024;

/** Default and highest value of every bound; zero and below are refused, so that no bound can be switched off by accident. */
const BOUNDS: Readonly<Record<keyof Limits, { readonly default: number; readonly most: number }>> = {
  headerBytes: { default: 16_384, most: 65_536 },
  bodyBytes: { default: MAX_BODY_BYTES, most: MAX_BODY_BYTES },
  webBodyBytes: { default: MIB, most: 16 * MIB },
  listBytes: { default: 16 * MIB, most: 256 * MIB },
  headersTimeoutMs: { default: 10_000, most: 60_000 },
  requestTimeoutMs: { default: 30_000, most: 300_000 },
  keepAliveTimeoutMs: { default: 60_000, most: 600_000 },
  stalledClientMs: { default: 60_000, most: 3_600_000 },
  connections: { default: 10_000, most: 1_000_000 },
  drainMs: { default: 5_000, most: 600_000 },
};

/** Fills in the defaults. @throws TypeError naming every value out of bounds. */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  const problems: string[] = [];
  const limits: Record<string, number> = {};
  for (const [name, bound] of Object.entries(BOUNDS)) {
    const value = given[name as keyof Limits] ?? bound.default;
    if (!Number.isInteger(value) || value < 1 || value > bound.most) {
      problems.push(`limits.${name} must be an integer from 1 to ${bound.most}`);
    }
    limits[name] = value;
  }
  if (problems.length > 0) throw new TypeError(problems.join("; "));
  return limits as unknown as Limits;
}
