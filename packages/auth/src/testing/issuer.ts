import { type AccessTokenClaims, formatAccessToken } from "../oauth/access-token.js";
import { type KeySet, localKeySet } from "../oauth/key-set.js";
import { randomToken, system as realSystem, type System } from "../system.js";
import { createTestKeys } from "./keys.js";

/** An authorization server reduced to its signature: for tests of what accepts its tokens. */
export interface TestIssuer {
  readonly issuer: string;
  readonly keys: KeySet;
  /** A token of `user-1` through `client-1`, good for 10 min from the system's now; any claim can be replaced, or removed with `undefined`. */
  token(claims?: { readonly [Name in keyof AccessTokenClaims]?: unknown } & Record<string, unknown>): Promise<string>;
}

export async function createTestIssuer(options: {
  readonly issuer: string;
  /** Default audience. */
  readonly resource: string;
  readonly system?: System;
}): Promise<TestIssuer> {
  const { issuer, resource, system = realSystem } = options;
  const signing = await createTestKeys();
  return {
    issuer,
    keys: localKeySet({ keys: await signing.publicKeys() }),
    token: (claims = {}) => {
      const now = system.now();
      const standard: AccessTokenClaims = {
        iss: issuer,
        sub: "user-1",
        aud: resource,
        client_id: "client-1",
        scope: "mcp:read",
        iat: now,
        exp: now + 600,
        jti: randomToken(system, 12),
      };
      return formatAccessToken({ ...standard, ...claims } as AccessTokenClaims, signing);
    },
  };
}
