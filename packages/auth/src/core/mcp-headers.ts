import { type JsonObject, type JsonValue, MODERN, REVISIONS, type Revision } from "./mcp-call.js";
import { McpError } from "./mcp-error.js";
import { decodeHeaderValue, type HeaderLookup, mismatch, readHeader } from "./mcp-header-value.js";
import type { McpBody, McpMessage } from "./mcp-message.js";
import { checkParamHeaders } from "./mcp-param-headers.js";
import { METHODS } from "./method-table.js";
import { quote } from "./quote.js";

export type { HeaderLookup } from "./mcp-header-value.js";

export interface McpHeaderOptions {
  /** All header names present, lower case, to find `Mcp-Param-*`. */
  readonly names: Iterable<string>;
  /** `inputSchema` of a tool as far as known, to check `x-mcp-header` parameters (R-148…R-150). */
  inputSchemaOf?(tool: string): JsonObject | undefined;
}

/** The member of `params._meta` by which a body names its revision. */
const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";
const OF_MCP = /^mcp-/i;
/** Legacy requests without version header count as this one (spec 2025-06-18, transports). */
const UNSTATED: Revision = "2025-03-26";

/**
 * The revision of a request, after checking that headers and body say the same (spec.md §2; …R-150): `MCP-Protocol-Version`
 * against `_meta`, `Mcp-Method` and `Mcp-Name` (base64 sentinel decoded) against the body, `Mcp-Param-*` against the arguments. A legacy
 * request without the header counts as 2025-03-26. `body` is undefined for GET and DELETE. The standard headers are required in 2026-07-28
 * only, but where they are sent they have to agree in every revision, since they travel on. Not checked: the other members of `_meta`.
 * @throws McpError 400 with -32020 (mismatch or missing), -32022 (unknown version, `data.supported`), -32602 (a modern request that does
 * not name its version in `_meta`), -32600 (a batch or a response where none is legal).
 */
export function checkMcpHeaders(header: HeaderLookup, body: McpBody | undefined, options: McpHeaderOptions): Revision {
  const [first] = body?.messages ?? [];
  const id = body?.batch || first === undefined ? undefined : idOf(first);
  const read = (name: string) => readHeader(header, name, id);
  for (const name of options.names) if (OF_MCP.test(name)) read(name.toLowerCase());
  const stated = read("mcp-protocol-version");
  if (body === undefined || first === undefined) return knownRevision(stated ?? UNSTATED);
  const sent: Mirrored = { method: read("mcp-method"), name: read("mcp-name") };
  if (body.batch) return batchRevision(body, stated, sent);
  const revision = revisionOf(first, stated);
  if (first.type === "response") {
    if (revision === MODERN)
      throw new McpError(400, -32600, "Bad Request: responses cannot be posted.", { id: first.id });
    return revision;
  }
  const modernRequest = revision === MODERN && first.type === "request";
  checkMethodHeader(first, sent.method, modernRequest);
  checkNameHeader(first, sent.name, modernRequest);
  if (modernRequest && first.method === "tools/call" && typeof first.params?.name === "string") {
    const schema = options.inputSchemaOf?.(first.params.name);
    if (schema !== undefined) checkParamHeaders(first, schema, header);
  }
  return revision;
}

/** The headers that mirror the body, as sent. */
interface Mirrored {
  readonly method: string | undefined;
  readonly name: string | undefined;
}

function batchRevision(body: McpBody, stated: string | undefined, sent: Mirrored): Revision {
  const revision = knownRevision(stated ?? UNSTATED);
  if (revision !== UNSTATED || body.messages.some((message) => claimOf(message) !== undefined)) {
    throw new McpError(400, -32600, "Bad Request: batches exist in revision 2025-03-26 only.");
  }
  if (sent.method !== undefined || sent.name !== undefined)
    throw mismatch("Mcp-Method and Mcp-Name cannot describe a batch.");
  return revision;
}

/** What the body says about its revision counts; the header has to say the same. */
function revisionOf(message: McpMessage, stated: string | undefined): Revision {
  const id = idOf(message);
  const claim = claimOf(message);
  if (claim === undefined) return revisionWithoutClaim(message, stated);
  if (typeof claim !== "string") throw invalidMeta(`${VERSION_KEY} must be a string`, id);
  if (stated !== undefined && stated !== claim) {
    throw mismatch(`MCP-Protocol-Version is ${quote(stated)}, but the body names ${quote(claim)}.`, id);
  }
  // Only 2026-07-28 has such a claim. A server may take one for an older revision for either era, so that nobody could tell what it will do.
  if (claim !== MODERN) throw unsupported(claim, [MODERN], id);
  if (stated === undefined) throw mismatch(`MCP-Protocol-Version is missing; the body names ${quote(claim)}.`, id);
  return MODERN;
}

function revisionWithoutClaim(message: McpMessage, stated: string | undefined): Revision {
  const id = idOf(message);
  const revision = knownRevision(stated ?? UNSTATED, id);
  if (revision !== MODERN || message.type !== "request") return revision;
  if (message.method === "initialize") throw mismatch(`initialize does not exist in ${MODERN}.`, id);
  throw invalidMeta(`a request of ${MODERN} needs params._meta[${quote(VERSION_KEY)}]`, id);
}

function knownRevision(version: string, id?: string | number): Revision {
  const revision = REVISIONS.find((known) => known === version);
  if (revision !== undefined) return revision;
  throw unsupported(version, REVISIONS, id);
}

function unsupported(requested: string, supported: readonly Revision[], id: string | number | undefined): McpError {
  return new McpError(400, -32022, "Unsupported protocol version", {
    ...(id !== undefined && { id }),
    data: { supported: [...supported], requested: requested.slice(0, 100) },
  });
}

/** `undefined` only if the member is absent: a malformed claim is never taken for none. */
function claimOf(message: McpMessage): JsonValue | undefined {
  if (message.type === "response") return undefined;
  const meta = message.params?._meta as JsonObject | undefined;
  return meta?.[VERSION_KEY];
}

function idOf(message: McpMessage): string | number | undefined {
  return message.type === "notification" ? undefined : message.id;
}

function invalidMeta(why: string, id: string | number | undefined): McpError {
  return new McpError(400, -32602, `Invalid params: ${why}`, id === undefined ? {} : { id });
}

function checkMethodHeader(
  message: Exclude<McpMessage, { type: "response" }>,
  sent: string | undefined,
  required: boolean,
): void {
  if (sent === undefined) {
    if (required) throw mismatch(`Mcp-Method is missing; the body names ${quote(message.method)}.`, idOf(message));
  } else if (sent !== message.method) {
    throw mismatch(`Mcp-Method is ${quote(sent)}, but the body names ${quote(message.method)}.`, idOf(message));
  }
}

/** A body without the mirrored member is answered later, by {@link callsOf}; with the header it is a disagreement. */
function checkNameHeader(
  message: Exclude<McpMessage, { type: "response" }>,
  sent: string | undefined,
  required: boolean,
): void {
  const member = METHODS.get(message.method)?.mirrored;
  if (member === undefined) return;
  const value = message.params?.[member];
  const name = typeof value === "string" ? value : undefined;
  if (sent === undefined) {
    if (required && name !== undefined)
      throw mismatch(`Mcp-Name is missing; the body names ${quote(name)}.`, idOf(message));
    return;
  }
  const decoded = decodeHeaderValue(sent);
  if (decoded === undefined) throw mismatch("Mcp-Name is not valid base64 of UTF-8.", idOf(message));
  if (decoded !== name) {
    throw mismatch(`Mcp-Name is ${quote(decoded)}, but params.${member} is ${quote(name)}.`, idOf(message));
  }
}
