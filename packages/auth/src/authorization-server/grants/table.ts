import { authorizationCode } from "./authorization-code.js";
import type { GrantType } from "./grant-type.js";
import { refreshToken } from "./refresh-token.js";

/** Every grant of the token endpoint, in the order in which the metadata lists them. */
export const GRANT_TYPES: readonly GrantType[] = [authorizationCode, refreshToken];
