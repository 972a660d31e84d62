import type { Server } from "../server.js";
import { authorizationCode } from "./authorization-code.js";
import { clientCredentials } from "./client-credentials.js";
import { deviceCode } from "./device-code.js";
import type { GrantType } from "./grant-type.js";
import { jwtBearer } from "./jwt-bearer.js";
import { refreshToken } from "./refresh-token.js";
import { tokenExchange } from "./token-exchange.js";

const GRANT_TYPES: readonly GrantType[] = [
  authorizationCode,
  refreshToken,
  clientCredentials,
  tokenExchange,
  jwtBearer,
  deviceCode,
];

/** Every grant of this server's token endpoint, in the order in which the metadata lists them. */
export function grantTypesOf(server: Server): readonly GrantType[] {
  return GRANT_TYPES.filter((grant) => isOffered(grant, server));
}

/** The one of that name, if this server has it. */
export function findGrantType(server: Server, name: string): GrantType | undefined {
  return GRANT_TYPES.find((grant) => grant.name === name && isOffered(grant, server));
}

function isOffered({ when }: GrantType, server: Server): boolean {
  return when?.(server) ?? true;
}

/** Those that a client may register for by itself: where somebody else answers for each token. */
export function registrableGrants(server: Server): readonly string[] {
  const open = [authorizationCode, refreshToken, jwtBearer];
  return grantTypesOf(server)
    .filter((grant) => open.includes(grant))
    .map(({ name }) => name);
}
