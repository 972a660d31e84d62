/** Rewrites the data of events as their stream goes by. */
export interface EventRewriter {
  /** The text that may go on now. @throws RangeError for an event longer than the bound. */
  push(chunk: string): string;
}

/** The end of an event: an empty line, with any of the three line ends (HTML §9.2.5). */
const EVENT_END = /\r\n\r\n|\n\n|\r\r|\r\n\n|\n\r\n|\r\n\r(?!\n)|\n\r(?!\n)/g;

/**
 * Holds each event until it is whole and hands its data to `rewrite`; an event that is not changed keeps its text. What remains when the
 * stream ends is an incomplete event, which every client throws away (HTML §9.2.6): it never goes on unread.
 */
export function createEventRewriter(rewrite: (data: string) => string, maxLength: number): EventRewriter {
  let held = "";
  let scanned = 0;
  return {
    push(chunk) {
      held += chunk;
      let ready = "";
      let start = 0;
      // A CR at the very end may be the first half of a CRLF: it is looked at again with what follows.
      EVENT_END.lastIndex = scanned;
      for (let end = EVENT_END.exec(held); end !== null; end = EVENT_END.exec(held)) {
        if (EVENT_END.lastIndex === held.length && held.endsWith("\r")) break;
        ready += rewriteEvent(held.slice(start, EVENT_END.lastIndex), rewrite);
        start = EVENT_END.lastIndex;
      }
      held = held.slice(start);
      scanned = Math.max(0, held.length - 4);
      if (held.length > maxLength) throw new RangeError("An event of the stream is too long.");
      return ready;
    },
  };
}

function rewriteEvent(event: string, rewrite: (data: string) => string): string {
  const lines = event.split(/\r\n|\n|\r/);
  const isData = (line: string) => line === "data" || line.startsWith("data:");
  const data = lines.filter(isData).map((line) => line.slice(line[5] === " " ? 6 : 5));
  if (data.length === 0) return event;
  const before = data.join("\n");
  const after = rewrite(before);
  if (after === before) return event;
  const others = lines.filter((line) => line !== "" && !isData(line));
  return [...others, ...after.split("\n").map((line) => `data: ${line}`), "", ""].join("\n");
}
