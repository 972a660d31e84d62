import { type UpstreamDescription, UpstreamError } from "./upstream.js";

export type Fields = Readonly<Record<string, unknown>>;

/** One JSON-RPC request as a client, and its result. Rejects with {@link Refused} for a JSON-RPC error, with UpstreamError for all else. */
export type Ask = (method: string, params: Fields) => Promise<Fields>;

/** The server answered, with an error: it speaks, only not this. */
export class Refused extends Error {
  override readonly name = "Refused";
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export const MODERN_VERSION = "2026-07-28";
export const LEGACY_VERSION = "2025-11-25";
const META = "io.modelcontextprotocol/";

/** A client that can do everything, so that tools which a server offers only to capable clients show. */
const CAPABILITIES = { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } };
const CLIENT = { name: "sallyport", version: "1" };

export const INITIALIZE_PARAMS: Fields = {
  protocolVersion: LEGACY_VERSION,
  capabilities: CAPABILITIES,
  clientInfo: CLIENT,
};

/** What every request of 2026-07-28 carries (spec.md §2). */
export function modernParams(params: Fields): Fields {
  return {
    ...params,
    _meta: {
      [`${META}protocolVersion`]: MODERN_VERSION,
      [`${META}clientCapabilities`]: CAPABILITIES,
      [`${META}clientInfo`]: CLIENT,
    },
  };
}

/** Pages and tools of one list that are read at most; a server that offers more is faulty or hostile. */
const MAX_PAGES = 100;
const MAX_TOOLS = 10_000;

/** All pages of `tools/list`. A server without tools is a server with none. @throws UpstreamError `protocol` for what is no list. */
export async function readTools(ask: Ask): Promise<readonly Fields[]> {
  const tools: Fields[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const result = await ask("tools/list", cursor === undefined ? {} : { cursor }).catch(withoutTools);
    if (!Array.isArray(result.tools) || !result.tools.every(isFields)) {
      throw new UpstreamError("protocol", "the server answered tools/list with something that is no list of tools");
    }
    tools.push(...result.tools);
    if (tools.length > MAX_TOOLS) throw new UpstreamError("protocol", `the server lists more than ${MAX_TOOLS} tools`);
    if (typeof result.nextCursor !== "string" || result.nextCursor === cursor) return tools;
    cursor = result.nextCursor;
  }
  throw new UpstreamError("protocol", `the server's list of tools has more than ${MAX_PAGES} pages`);
}

function withoutTools(error: unknown): Fields {
  if (error instanceof Refused && error.code === -32601) return { tools: [] };
  throw error;
}

/** Whether `server/discover` was answered by a server of 2026-07-28. */
export function isModernDiscovery(result: Fields): boolean {
  return Array.isArray(result.supportedVersions) && result.supportedVersions.includes(MODERN_VERSION);
}

/** Name and version as the server gives them itself: for people to read, for no decision. */
export function serverInfoOf(result: Fields): UpstreamDescription["serverInfo"] {
  const meta = isFields(result._meta) ? result._meta : {};
  const info = result.serverInfo ?? meta[`${META}serverInfo`];
  if (!isFields(info) || typeof info.name !== "string") return undefined;
  return { name: info.name, version: typeof info.version === "string" ? info.version : "" };
}

/** Tools of both eras under one name each; what the modern era says comes first. */
export function mergeTools(modern: readonly Fields[], legacy: readonly Fields[]): readonly Fields[] {
  const names = new Set(modern.map((tool) => tool.name));
  return [...modern, ...legacy.filter((tool) => !names.has(tool.name))];
}

/** The result inside a JSON-RPC answer. @throws Refused for an error answer, UpstreamError `protocol` for none. */
export function resultOf(answer: unknown): Fields {
  if (isFields(answer) && isFields(answer.result)) return answer.result;
  if (isFields(answer) && isFields(answer.error)) {
    throw new Refused(Number(answer.error.code), String(answer.error.message));
  }
  throw new UpstreamError("protocol", "the server's answer is not JSON-RPC");
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
