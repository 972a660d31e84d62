import { parseJson, type System } from "@sallyport/auth";
import type { Dispatcher } from "undici";
import {
  type Ask,
  type Fields,
  INITIALIZE_PARAMS,
  isFields,
  isModernDiscovery,
  LEGACY_VERSION,
  MODERN_VERSION,
  mergeTools,
  modernParams,
  Refused,
  readTools,
  resultOf,
  serverInfoOf,
} from "./describe.js";
import { toUpstreamError } from "./http-errors.js";
import { readEvents } from "./sse.js";
import { type UpstreamDescription, UpstreamError } from "./upstream.js";

export interface HttpProbe {
  readonly pool: Dispatcher;
  readonly path: string;
  headersOf(headers: Readonly<Record<string, string>>): string[];
  readonly timeoutMs: number;
  readonly system: System;
}

/** An answer to a probe is read up to here. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * asks with `server/discover` first; whatever is not a modern answer leads to `initialize`. A server of both eras is asked in both.
 * A session that was opened is closed again.
 */
export async function describeHttp(probe: HttpProbe): Promise<UpstreamDescription> {
  const modern = await describeModern(probe).catch((error: unknown) => unlessUnreachable(probe, error));
  try {
    const legacy = await describeLegacy(probe);
    return modern === undefined ? legacy : { ...modern, era: "both", tools: mergeTools(modern.tools, legacy.tools) };
  } catch (error) {
    if (modern === undefined) throw describeError(error);
    return modern;
  }
}

/** Any answer that is not a modern one means legacy, whatever its code; no answer at all means that there is nobody to ask. */
function unlessUnreachable(probe: HttpProbe, error: unknown): undefined {
  const named = describeError(error);
  if (named.kind === "unreachable") throw named;
  probe.system.log("debug", "upstream gives no modern answer", { reason: named.message });
}

/** The name of a failure to describe. */
function describeError(error: unknown): UpstreamError {
  if (!(error instanceof Refused)) return toUpstreamError(error);
  return new UpstreamError("protocol", "the upstream refuses to be described", { cause: error });
}

async function describeModern(probe: HttpProbe): Promise<UpstreamDescription | undefined> {
  const ask = asker(probe, { "mcp-protocol-version": MODERN_VERSION }, modernParams);
  const discovery = await ask("server/discover", {});
  if (!isModernDiscovery(discovery)) return undefined;
  return { era: "modern", serverInfo: serverInfoOf(discovery), tools: await readTools(ask) };
}

async function describeLegacy(probe: HttpProbe): Promise<UpstreamDescription> {
  const headers: Record<string, string> = {};
  const ask = asker(probe, headers);
  try {
    const initialized = await ask("initialize", INITIALIZE_PARAMS);
    headers["mcp-protocol-version"] =
      typeof initialized.protocolVersion === "string" ? initialized.protocolVersion : LEGACY_VERSION;
    await post(probe, headers, { jsonrpc: "2.0", method: "notifications/initialized" });
    return { era: "legacy", serverInfo: serverInfoOf(initialized), tools: await readTools(ask) };
  } finally {
    if (headers["mcp-session-id"] !== undefined) {
      await send(probe, headers).then(
        (answer) => answer.body.dump(),
        () => undefined,
      );
    }
  }
}

/** `headers` is read at each request and keeps the session id that the server gives. */
function asker(probe: HttpProbe, headers: Record<string, string>, envelope = (params: Fields) => params): Ask {
  let id = 0;
  return async (method, params) => {
    id++;
    return resultOf(await post(probe, headers, { jsonrpc: "2.0", id, method, params: envelope(params) }));
  };
}

async function post(probe: HttpProbe, headers: Record<string, string>, message: Fields): Promise<unknown> {
  const modern = headers["mcp-protocol-version"] === MODERN_VERSION ? { "mcp-method": String(message.method) } : {};
  const answer = await send(probe, { ...headers, ...modern }, message);
  const session = answer.headers["mcp-session-id"];
  if (typeof session === "string") headers["mcp-session-id"] = session;
  if (answer.statusCode === 401 || answer.statusCode === 403) {
    await answer.body.dump();
    const message = `the upstream wants credentials (${answer.statusCode}): give it \`headers\` or a \`credential\` in a configuration file`;
    throw new UpstreamError("protocol", message, { wantsCredentials: true });
  }
  if (message.id === undefined) return void (await answer.body.dump());
  return readAnswer(answer, message.id);
}

/** POSTs a message, or DELETEs the session where there is none. */
function send(probe: HttpProbe, headers: Record<string, string>, message?: Fields): Promise<Dispatcher.ResponseData> {
  const own = { accept: "application/json, text/event-stream", ...headers };
  return probe.pool.request({
    path: probe.path,
    method: message === undefined ? "DELETE" : "POST",
    headers: probe.headersOf(message === undefined ? own : { "content-type": "application/json", ...own }),
    body: message === undefined ? null : JSON.stringify(message),
    signal: AbortSignal.timeout(probe.timeoutMs),
  });
}

/** The message that answers `id`, from a JSON body or from an event stream, which is left as soon as the answer is there. */
async function readAnswer(answer: Dispatcher.ResponseData, id: unknown): Promise<unknown> {
  const type = String(answer.headers["content-type"] ?? "");
  if (!type.startsWith("text/event-stream")) return parse(await readText(answer.body));
  for await (const data of readEvents(answer.body, MAX_ANSWER_BYTES)) {
    const message = parse(data);
    if (isFields(message) && message.id === id && message.method === undefined) return message;
  }
  throw new UpstreamError("protocol", "the upstream's event stream ended without the answer");
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new UpstreamError("protocol", "the upstream's answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new UpstreamError("protocol", "the upstream's answer is not JSON", { cause });
  }
}
