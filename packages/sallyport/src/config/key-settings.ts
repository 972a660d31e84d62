import { SIGNING_ALGORITHMS, type SigningKey } from "@sallyport/auth";
import { z } from "zod";
import { type Setting, seconds } from "./setting.js";

export interface KeyConfig {
  readonly algorithm: SigningKey["alg"];
  readonly rotateAfter: number;
}

const TEN_YEARS = 315_360_000;
const NINETY_DAYS = 7_776_000;

/** The keys that sign access tokens. */
export const KEY_SETTINGS: readonly Setting[] = [
  {
    path: "keys.algorithm",
    type: z.enum(SIGNING_ALGORITHMS),
    default: "ES256",
    description:
      "What access tokens are signed with: `ES256`, `RS256` or `EdDSA` (Ed25519). After a change the next start makes a key, and the keys before stay published: [keys.md](keys.md).",
  },
  {
    path: "keys.rotateAfter",
    type: seconds(TEN_YEARS),
    default: NINETY_DAYS,
    description:
      "Seconds after which another key signs; default 90 days. What it replaces stays published for a week, which is longer than any access token lives.",
  },
];
