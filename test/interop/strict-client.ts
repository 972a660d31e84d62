import * as oauth from "oauth4webapi";
import type { Answer, Person } from "./person.js";

/** `oauth4webapi` refuses what the specifications forbid; only plain http on loopback is let through. */
const LOOPBACK = { [oauth.allowInsecureRequests]: true } as const;

export interface StrictClient {
  readonly as: oauth.AuthorizationServer;
  readonly resource: oauth.ResourceServer;
  readonly client: oauth.Client;
  /** Sends the person through authorization and redeems the code. */
  authorize(
    person: Person,
    options?: { readonly scope?: string; readonly answer?: Answer },
  ): Promise<oauth.TokenEndpointResponse>;
  refresh(refresh_token: string, scope?: string): Promise<oauth.TokenEndpointResponse>;
  revoke(token: string): Promise<void>;
}

/** Discovers everything from the MCP URL alone, as RFC 9728 and RFC 8414 say, and registers itself (RFC 7591). */
export async function createStrictClient(
  mcpUrl: string,
  redirect_uri = "http://127.0.0.1:49152/callback",
): Promise<StrictClient> {
  const at = new URL(mcpUrl);
  const resource = await oauth.processResourceDiscoveryResponse(at, await oauth.resourceDiscoveryRequest(at, LOOPBACK));
  const issuer = new URL(resource.authorization_servers?.[0] ?? "");
  const metadata = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...LOOPBACK });
  const as = await oauth.processDiscoveryResponse(issuer, metadata);
  const registration = await oauth.dynamicClientRegistrationRequest(
    as,
    {
      client_name: "Strict client",
      redirect_uris: [redirect_uri],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      application_type: "native",
    },
    LOOPBACK,
  );
  const client: oauth.Client = await oauth.processDynamicClientRegistrationResponse(registration);

  return {
    as,
    resource,
    client,
    async authorize(person, { scope, answer } = {}) {
      const verifier = oauth.generateRandomCodeVerifier();
      const state = oauth.generateRandomState();
      const url = new URL(as.authorization_endpoint ?? "");
      url.search = new URLSearchParams({
        response_type: "code",
        client_id: client.client_id,
        redirect_uri,
        state,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        resource: resource.resource,
        ...(scope === undefined ? {} : { scope }),
      }).toString();
      const callback = oauth.validateAuthResponse(as, client, await person.visit(url, answer), state);
      const response = await oauth.authorizationCodeGrantRequest(
        as,
        client,
        oauth.None(),
        callback,
        redirect_uri,
        verifier,
        { ...LOOPBACK, additionalParameters: { resource: resource.resource } },
      );
      return oauth.processAuthorizationCodeResponse(as, client, response);
    },
    async refresh(refresh_token, scope) {
      const additionalParameters = { resource: resource.resource, ...(scope === undefined ? {} : { scope }) };
      const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refresh_token, {
        ...LOOPBACK,
        additionalParameters,
      });
      return oauth.processRefreshTokenResponse(as, client, response);
    },
    async revoke(token) {
      await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, oauth.None(), token, LOOPBACK));
    },
  };
}
