import { formatAuthorizationServerMetadata } from "../oauth/authorization-server-metadata.js";
import { grantTypesOf } from "./grants/table.js";
import type { Start } from "./pipeline.js";
import { type PlainAnswer, publicJson } from "./responses.js";

/** Seconds that the public documents may be kept. */
const MAX_AGE = 300;

/** RFC 8414 §3.2; the same document in OpenID Connect's place. It lists every scope, so that a client can find any (R-12 keeps the first request small). */
export async function metadataDocument({ server }: Start): Promise<PlainAnswer> {
  const { options } = server;
  const described = await Promise.all(options.resources().map((resource) => options.describeResource(resource)));
  const scopes = described.flatMap((description) => description?.scopes.map(({ scope }) => scope) ?? []);
  const metadata = formatAuthorizationServerMetadata({
    issuer: server.issuer,
    endpoint: server.endpoint,
    scopes: [...new Set(scopes)],
    grantTypes: grantTypesOf(server).map(({ name }) => name),
    identityAssertions: options.trustedIssuers?.some(({ subjectOf }) => subjectOf !== undefined) ?? false,
    authMethods: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
    registration: options.registration.dynamic,
    documents: server.documents !== undefined,
    introspection: options.introspectedBy !== undefined,
    details: options.authorizationDetails === true,
    devices: options.deviceGrant === true,
  });
  return publicJson(metadata, MAX_AGE);
}

/** RFC 7517 §5: the public keys, and only their public members whatever the key store handed out. */
export async function jwksDocument({ server }: Start): Promise<PlainAnswer> {
  const members = ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"];
  const keys = (await server.options.keys.publicKeys()).map((key) =>
    Object.fromEntries(Object.entries(key).filter(([member]) => members.includes(member))),
  );
  return publicJson({ keys }, MAX_AGE);
}
