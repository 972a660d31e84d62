import { UpstreamError } from "./upstream.js";

const EVENT = Buffer.from("event: message\ndata: ");
const END = Buffer.from("\n\n");

/** A comment: keeps proxies from closing a quiet stream, and clients ignore it (HTML §9.2.5). */
export const KEEP_ALIVE: Uint8Array = Buffer.from(": keep-alive\n\n");

/** One server-sent event. `data` holds no line break; `id` is visible ASCII. */
export function formatEvent(data: Uint8Array, id?: string): Buffer {
  return id === undefined
    ? Buffer.concat([EVENT, data, END])
    : Buffer.concat([Buffer.from(`id: ${id}\n`), EVENT, data, END]);
}

/**
 * The data of each event in a stream (HTML §9.2.6), as far as MCP uses it: `event` and `retry` are ignored, empty data is skipped.
 * @throws UpstreamError `protocol` when one event is larger than `maxBytes`.
 */
export async function* readEvents(stream: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  let data: string[] = [];
  let size = 0;
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    size += chunk.length;
    if (size > maxBytes) throw new UpstreamError("protocol", "an event of the upstream is too large");
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
      if (line !== "" || data.length === 0) continue;
      // A priming event (2025-11-25) carries an id and no message.
      const text = data.join("\n");
      if (text !== "") yield text;
      data = [];
      size = rest.length;
    }
  }
}
