import { isJsonObject, type JsonObject, type JsonValue } from "./mcp-call.js";
import { decodeHeaderValue, type HeaderLookup, mismatch, readHeader } from "./mcp-header-value.js";
import type { McpRequest } from "./mcp-message.js";
import { quote } from "./quote.js";

const PREFIX = "mcp-param-";
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Spelling of a number that may be compared as one; `0x1a`, ` 42` and `1e3` may not. */
const DECIMAL = /^-?[0-9]+(?:\.[0-9]+)?$/;
const MAX_SCHEMA_DEPTH = 32;

interface Declaration {
  /** Header name in lower case, without prefix. */
  readonly name: string;
  readonly path: readonly string[];
  readonly numeric: boolean;
}

/**
 * `Mcp-Param-*` headers against the arguments that the tool's `inputSchema` mirrors with `x-mcp-header`. Headers that no schema
 * declares pass. @throws McpError -32020.
 */
export function checkParamHeaders(message: McpRequest, schema: JsonObject, header: HeaderLookup): void {
  for (const declaration of declarationsOf(schema)) {
    const name = PREFIX + declaration.name;
    const sent = readHeader(header, name, message.id);
    const value = valueAt(message.params?.arguments, declaration.path);
    // A value that is no primitive is against the schema, and the server that owns the schema says so.
    if (typeof value === "object" && value !== null) continue;
    if (value === undefined || value === null) {
      if (sent !== undefined)
        throw mismatch(`The header ${quote(name)} mirrors an argument that the body lacks.`, message.id);
      continue;
    }
    if (sent === undefined) throw mismatch(`The header ${quote(name)} is missing.`, message.id);
    const decoded = decodeHeaderValue(sent);
    if (decoded === undefined) throw mismatch(`The header ${quote(name)} is not valid base64 of UTF-8.`, message.id);
    if (!agrees(decoded, value, declaration)) {
      throw mismatch(`The header ${quote(name)} and the body disagree.`, message.id);
    }
  }
}

/** Schemas live as long as a tool catalogue, and are asked for with every call. */
const known = new WeakMap<JsonObject, readonly Declaration[]>();

/** SEP-2243: only properties reachable through `properties` alone, with a string, integer or boolean type, may be mirrored. */
function declarationsOf(schema: JsonObject): readonly Declaration[] {
  const remembered = known.get(schema);
  if (remembered !== undefined) return remembered;
  const found: Declaration[] = [];
  const visit = (node: JsonObject, path: readonly string[]): void => {
    const name = node["x-mcp-header"];
    if (path.length > 0 && typeof name === "string" && HEADER_NAME.test(name)) {
      found.push({ name: name.toLowerCase(), path, numeric: node.type === "integer" || node.type === "number" });
    }
    if (!isJsonObject(node.properties) || path.length >= MAX_SCHEMA_DEPTH) return;
    for (const [key, child] of Object.entries(node.properties)) if (isJsonObject(child)) visit(child, [...path, key]);
  };
  visit(schema, []);
  known.set(schema, found);
  return found;
}

function valueAt(root: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let node = root;
  for (const key of path) {
    if (!isJsonObject(node) || !Object.hasOwn(node, key)) return undefined;
    node = node[key];
  }
  return node;
}

function agrees(header: string, value: JsonValue, declaration: Declaration): boolean {
  if (declaration.numeric && typeof value === "number" && DECIMAL.test(header)) return Number(header) === value;
  return header === String(value);
}
