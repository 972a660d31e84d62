import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { randomToken, type System } from "@sallyport/auth";
import type { ForeignFlow } from "../federation/index.js";
import { derive, sha256 } from "./hash.js";
import type { SignInStorage } from "./storage.js";

/** about ten minutes, in which a person finds their password elsewhere. */
const LIFETIME = 600;

/** What is remembered of a flow besides what recognises it. */
export interface Remembered {
  readonly started: number;
  readonly fresh: boolean;
  readonly returnTo?: string | undefined;
  readonly flow?: string | undefined;
  /** For a flow that connects an account at another system: which, and whose. */
  readonly connection?: string;
  readonly sub?: string;
}

/**
 * Ways to another site and back. A flow is recognised by `state`, which travels, together with the secret of the browser it began in,
 * which does not: the answer brought to another browser finds nothing (login CSRF, R-145). Nonce and PKCE verifier are derived from both;
 * the row is named by a hash over both and sealed under a key made of both, so the store alone opens and forges nothing. Taken once.
 */
export interface ForeignFlows {
  begin(secret: string, fresh: boolean): ForeignFlow;
  /** Right before the redirect, and not earlier. */
  save(secret: string, flow: ForeignFlow, remembered: Omit<Remembered, "started" | "fresh">): Promise<void>;
  take(
    secret: string | undefined,
    state: string | undefined,
  ): Promise<{ readonly flow: ForeignFlow; readonly remembered: Remembered } | undefined>;
}

export function createForeignFlows({ ceremonies }: Pick<SignInStorage, "ceremonies">, system: System): ForeignFlows {
  const flowOf = (secret: string, { state, started, fresh }: Pick<ForeignFlow, "state" | "started" | "fresh">) => ({
    state,
    started,
    fresh,
    nonce: derive(secret, `foreign nonce ${state}`),
    verifier: derive(secret, `foreign verifier ${state}`),
  });
  const idOf = (secret: string, state: string) => sha256(`foreign ${state} ${secret}`);
  return {
    begin: (secret, fresh) => flowOf(secret, { state: randomToken(system), started: system.now(), fresh }),
    save: async (secret, { state, started, fresh }, remembered) => {
      const text = JSON.stringify({ ...remembered, started, fresh });
      const challenge = seal(derive(secret, `foreign row ${state}`), text);
      await ceremonies.save(idOf(secret, state), { challenge, sub: undefined, expires: started + LIFETIME });
    },
    take: async (secret, state) => {
      if (secret === undefined || state === undefined || !/^[A-Za-z0-9_-]{43}$/.test(state)) return undefined;
      const row = await ceremonies.consume(idOf(secret, state), system.now());
      if (row === undefined) return undefined;
      const remembered = JSON.parse(open(derive(secret, `foreign row ${state}`), row.challenge)) as Remembered;
      return { remembered, flow: flowOf(secret, { state, ...remembered }) };
    },
  };
}

/** The key serves one text only, so the nonce may be constant (NIST SP 800-38D §8). */
const NONCE = Buffer.alloc(12);

function keyOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function seal(secret: string, text: string): string {
  const cipher = createCipheriv("aes-256-gcm", keyOf(secret), NONCE);
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([cipher.getAuthTag(), body]).toString("base64url");
}

function open(secret: string, sealed: string): string {
  const bytes = Buffer.from(sealed, "base64url");
  const decipher = createDecipheriv("aes-256-gcm", keyOf(secret), NONCE);
  decipher.setAuthTag(bytes.subarray(0, 16));
  return Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]).toString("utf8");
}
