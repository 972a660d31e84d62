import { createHash } from "node:crypto";

const MAX_NAME = 128;

/**
 * What a token is called in the log: the `jti` of a JWT, as its receiver logs it too; otherwise the beginning of its SHA-256. Read without
 * verification, since nothing is decided by it.
 */
export function tokenName(token: string): string {
  return jtiOf(token) ?? `sha256:${createHash("sha256").update(token).digest("base64url").slice(0, 22)}`;
}

function jtiOf(token: string): string | undefined {
  const [, payload, signature, more] = token.split(".");
  if (payload === undefined || signature === undefined || more !== undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const jti = typeof claims === "object" && claims !== null && "jti" in claims ? claims.jti : undefined;
    return typeof jti === "string" && jti !== "" && jti.length <= MAX_NAME ? jti : undefined;
  } catch {
    return undefined;
  }
}
