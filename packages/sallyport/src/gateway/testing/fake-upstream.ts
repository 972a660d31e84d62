import type { Exchange, Upstream, UpstreamHandler, UpstreamRequest } from "../../upstream/upstream.js";

/** One exchange as the fake sees it: what was asked, and the way to answer. */
export interface FakeExchange {
  readonly request: UpstreamRequest;
  readonly handler: UpstreamHandler;
  /** Why it was aborted, if it was. */
  aborted: string | undefined;
  /** Called when the exchange is told to go on after a pause. */
  onResume: () => void;
}

export interface FakeUpstream extends Upstream {
  readonly exchanges: readonly FakeExchange[];
  /** Exchanges that neither ended nor were aborted. */
  readonly open: number;
}

export type Answer = (exchange: FakeExchange) => void;

/** An upstream without a network: `answer` decides what comes back, at once or later. */
export function createFakeUpstream(answer: Answer): FakeUpstream {
  const exchanges: FakeExchange[] = [];
  const open = new Set<FakeExchange>();
  return {
    exchanges,
    get open() {
      return open.size;
    },
    send(request, handler): Exchange {
      const exchange: FakeExchange = {
        request,
        handler: watched(handler, () => open.delete(exchange)),
        aborted: undefined,
        onResume: () => {},
      };
      exchanges.push(exchange);
      open.add(exchange);
      queueMicrotask(() => {
        if (exchange.aborted === undefined) answer(exchange);
      });
      return {
        resume: () => {
          exchange.onResume();
        },
        abort: (reason) => {
          exchange.aborted ??= reason;
          open.delete(exchange);
        },
      };
    },
    describe: async () => ({ era: "legacy", serverInfo: undefined, tools: [] }),
    close: async () => {},
  };
}

function watched(handler: UpstreamHandler, over: () => void): UpstreamHandler {
  return {
    onHead: (status, headers) => handler.onHead(status, headers),
    onData: (chunk) => handler.onData(chunk),
    onEnd: () => {
      over();
      handler.onEnd();
    },
    onError: (error) => {
      over();
      handler.onError(error);
    },
  };
}

/** Answers with one JSON value. */
export function json(value: unknown, options: { status?: number; headers?: Record<string, string> } = {}): Answer {
  return ({ handler }) => {
    const body = Buffer.from(JSON.stringify(value));
    const { status = 200, headers = {} } = options;
    handler.onHead(status, { "content-type": "application/json", "content-length": String(body.length), ...headers });
    handler.onData(body);
    handler.onEnd();
  };
}

/** Answers the one request of the body with this result. */
export function result(value: unknown): Answer {
  return (exchange) => {
    const [message] = exchange.request.parsed?.messages ?? [];
    json({ jsonrpc: "2.0", id: message !== undefined && "id" in message ? message.id : null, result: value })(exchange);
  };
}

/** Begins an event stream and leaves it open. */
export function events(...chunks: readonly string[]): Answer {
  return ({ handler }) => {
    handler.onHead(200, { "content-type": "text/event-stream" });
    for (const chunk of chunks) handler.onData(Buffer.from(chunk));
  };
}

/** An event stream of `bytes` zeros at least, as fast as its reader takes it. `Infinity` never ends. */
export function flood(bytes: number): Answer {
  return (exchange) => {
    const chunk = Buffer.alloc(65_536, "0");
    let left = bytes;
    const pump = () => {
      while (left > 0 && exchange.aborted === undefined) {
        left -= chunk.length;
        if (!exchange.handler.onData(chunk)) return;
      }
      if (exchange.aborted === undefined) exchange.handler.onEnd();
    };
    exchange.onResume = pump;
    exchange.handler.onHead(200, { "content-type": "text/event-stream" });
    pump();
  };
}
