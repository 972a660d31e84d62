import type { ClientMetadata } from "../core/client-metadata.js";
import type { JsonObject } from "../core/mcp-call.js";
import { OAuthError } from "../core/oauth-error.js";
import { type RedirectUriOptions, validateRedirectUri } from "../core/redirect-uri.js";
import { isScopeToken } from "../core/scope.js";
import { isJsonObject, type JsonClaims } from "./jws.js";

export interface ClientMetadataRules extends RedirectUriOptions {
  /** Methods that a client may register. */
  readonly authMethods: readonly ClientMetadata["token_endpoint_auth_method"][];
  /** What an absent `token_endpoint_auth_method` means: `client_secret_basic` in RFC 7591 §2, `none` in a document, which holds no secret. */
  readonly defaultAuthMethod: ClientMetadata["token_endpoint_auth_method"];
  /** Grants that a client may register; others are left out of the registration (RFC 7591 §3.2.1 allows that). */
  readonly grantTypes: readonly string[];
}

export interface ParsedClientMetadata {
  readonly metadata: Omit<ClientMetadata, "client_id">;
  /** What was left out and why, for the log: positions of redirect URIs. */
  readonly dropped: readonly string[];
}

const MAX_REDIRECT_URIS = 20;
const MAX_TEXT = 2048;

/** What went wrong, by member; all of it is told at once. */
type Problems = { readonly member: string; readonly why: string }[];

/**
 * RFC 7591 §2 client metadata from JSON. Unknown members are ignored. A redirect URI that is merely of no use here (http beyond
 * loopback, a private-use scheme that nobody knows) is left out when others remain; one that was made to deceive refuses everything.
 * Does NOT fetch any URL in it, nor check who owns them.
 * @throws OAuthError `redirect_uris_refused` or `client_metadata_refused`, naming every problem.
 */
export function parseClientMetadata(value: unknown, rules: ClientMetadataRules): ParsedClientMetadata {
  const problems: Problems = [];
  const source = isJsonObject(value) ? value : {};
  if (!isJsonObject(value)) problems.push({ member: "the body", why: "must be a JSON object" });
  const { redirect_uris, dropped } = readRedirectUris(source, rules, problems);
  const method = readAuthMethod(source, rules, problems);
  const metadata: Omit<ClientMetadata, "client_id"> = {
    ...readTexts(source, problems),
    ...readKeys(source, method, problems),
    redirect_uris,
    grant_types: readGrantTypes(source, rules, problems),
    response_types: readResponseTypes(source, problems),
    token_endpoint_auth_method: method,
    application_type: readApplicationType(source, redirect_uris, problems),
    // RFC 9449 §5.2; a client that says less than `true` has said nothing.
    ...(source.dpop_bound_access_tokens === true ? { dpop_bound_access_tokens: true } : {}),
  };
  if (problems.length > 0) throw refused(problems);
  return { metadata, dropped };
}

function refused(problems: Problems): OAuthError {
  const description = problems.map(({ member, why }) => `${member} ${why}`).join("; ");
  const redirect = problems.some(({ member }) => member.startsWith("redirect_uris"));
  return new OAuthError(redirect ? "redirect_uris_refused" : "client_metadata_refused", { description });
}

function readRedirectUris(source: JsonClaims, rules: ClientMetadataRules, problems: Problems) {
  const { redirect_uris } = source;
  if (!isTextList(redirect_uris) || redirect_uris.length === 0 || redirect_uris.length > MAX_REDIRECT_URIS) {
    problems.push({ member: "redirect_uris", why: `must be a list of 1 to ${MAX_REDIRECT_URIS} strings` });
    return { redirect_uris: [], dropped: [] };
  }
  const judged = redirect_uris.map((uri, index) => ({
    uri,
    member: `redirect_uris[${index}]`,
    why: refusalOf(uri, rules),
  }));
  const kept = judged.filter(({ why }) => why === undefined).map(({ uri }) => uri);
  for (const { uri, member, why } of judged) {
    if (why !== undefined && (kept.length === 0 || !isMerelyOfNoUse(uri))) problems.push({ member, why });
  }
  const dropped = judged.flatMap(({ member, why }) => (why === undefined ? [] : [`${member} ${why}`]));
  return { redirect_uris: [...new Set(kept)], dropped };
}

/** Why this URI cannot be registered, as the end of a sentence; `undefined`: it can. */
function refusalOf(uri: string, options: RedirectUriOptions): string | undefined {
  try {
    validateRedirectUri(uri, options);
    return undefined;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    return error.error_description.replace(/^The redirect URI /, "").replace(/\.$/, "");
  }
}

/** It would be fine with https, or if its scheme were known: a setting of another server, not an attack. */
function isMerelyOfNoUse(uri: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(uri)?.[1] ?? "";
  if (scheme === "http") return refusalOf(`https${uri.slice("http".length)}`, {}) === undefined;
  return scheme !== "https" && refusalOf(uri, { knownSchemes: [scheme] }) === undefined;
}

function readAuthMethod(source: JsonClaims, rules: ClientMetadataRules, problems: Problems) {
  const wanted = source.token_endpoint_auth_method ?? rules.defaultAuthMethod;
  const method = rules.authMethods.find((known) => known === wanted);
  if (method === undefined) {
    problems.push({ member: "token_endpoint_auth_method", why: `must be one of ${rules.authMethods.join(", ")}` });
  }
  return method ?? rules.defaultAuthMethod;
}

/** Absent: both grants that a client of MCP needs, or nobody would ever get a refresh token who did not know to ask (users.md pain 13). */
function readGrantTypes(source: JsonClaims, rules: ClientMetadataRules, problems: Problems): readonly string[] {
  const wanted = source.grant_types ?? ["authorization_code", "refresh_token"];
  const known = isTextList(wanted) ? rules.grantTypes.filter((grant) => wanted.includes(grant)) : [];
  if (!known.includes("authorization_code"))
    problems.push({ member: "grant_types", why: "must hold authorization_code" });
  return known;
}

function readResponseTypes(source: JsonClaims, problems: Problems): readonly string[] {
  const wanted = source.response_types ?? ["code"];
  if (!isTextList(wanted) || !wanted.includes("code"))
    problems.push({ member: "response_types", why: "must hold code" });
  return ["code"];
}

/** Absent: inferred, since clients for the desktop seldom send it (users.md pain 9) and the default "web" would be wrong for them. */
function readApplicationType(source: JsonClaims, uris: readonly string[], problems: Problems): "native" | "web" {
  const wanted = source.application_type;
  if (wanted === "native" || wanted === "web") return wanted;
  if (wanted !== undefined) problems.push({ member: "application_type", why: "must be native or web" });
  return uris.every((uri) => !uri.startsWith("https:")) ? "native" : "web";
}

const LINKS = ["client_uri", "logo_uri", "tos_uri", "policy_uri"] as const;

function readTexts(source: JsonClaims, problems: Problems): Partial<ClientMetadata> {
  const texts: { -readonly [name in (typeof LINKS)[number] | "client_name" | "scope"]?: string } = {};
  for (const name of ["client_name", "scope", ...LINKS] as const) {
    const value = source[name];
    if (value === undefined || value === null || value === "") continue;
    if (typeof value !== "string" || value.length > MAX_TEXT) {
      problems.push({ member: name, why: `must be a string of at most ${MAX_TEXT} characters` });
    } else if (LINKS.some((link) => link === name) && !isWebUrl(value)) {
      problems.push({ member: name, why: "must be an http or https URL" });
    } else if (name === "scope" && !value.split(" ").every(isScopeToken)) {
      problems.push({ member: name, why: "must be scopes with one space between" });
    } else {
      texts[name] = value;
    }
  }
  return texts;
}

/** A link is never rendered unless it is a web URL: `javascript:` in metadata is an old trick. */
function isWebUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

function readKeys(source: JsonClaims, method: string, problems: Problems): Partial<ClientMetadata> {
  const { jwks, jwks_uri } = source;
  if (method !== "private_key_jwt") return {};
  if ((jwks === undefined) === (jwks_uri === undefined)) {
    problems.push({ member: "jwks", why: "or jwks_uri is needed for private_key_jwt, and only one of them" });
    return {};
  }
  if (jwks_uri !== undefined) {
    if (typeof jwks_uri === "string" && URL.canParse(jwks_uri) && jwks_uri.startsWith("https:")) return { jwks_uri };
    problems.push({ member: "jwks_uri", why: "must be an https URL" });
    return {};
  }
  if (isJsonObject(jwks) && Array.isArray(jwks.keys)) {
    const keys = (jwks.keys as readonly unknown[]).filter(isJsonObject);
    // Draft-02 §4.1: a document must not hold private key material; neither must a registration.
    if (keys.length > 0 && keys.length === jwks.keys.length && keys.every((key) => !("d" in key || "k" in key)))
      return { jwks: { keys: keys as readonly JsonObject[] } };
  }
  problems.push({ member: "jwks", why: "must be a JWK set of public keys" });
  return {};
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
