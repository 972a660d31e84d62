import type { Send } from "@sallyport/auth/client";
import { Agent, type Dispatcher } from "undici";

type Answer = Awaited<ReturnType<Send>>;
type Asked = Parameters<Send>[1];

/** One for the process: to each origin as many connections as there are requests, which stay open for a while. */
let agent: Agent | undefined;

/**
 * {@link Send} over undici's own dispatch, as calls go to upstreams: the platform's `fetch` costs about a millisecond of CPU for each request to
 * a token endpoint, most of it for streams and objects that nobody here looks at. Redirects are handed back. Nothing is retried.
 */
export const sendPooled: Send = (url, asked) => {
  const { origin, pathname, search } = new URL(url);
  agent ??= new Agent({ pipelining: 1, keepAliveTimeout: 10_000 });
  const pool = agent;
  return new Promise<Answer>((resolve, reject) => {
    const { method, body = null } = asked;
    // Compressed answers would have to be undone here.
    const headers = { ...asked.headers, "accept-encoding": "identity" };
    const handler = new WholeAnswer(asked, resolve, reject);
    pool.dispatch({ origin, path: pathname + search, method, headers, body }, handler);
  });
};

class WholeAnswer implements Dispatcher.DispatchHandler {
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #status = 0;
  #headers: Record<string, string | string[] | undefined> = {};
  #controller: Dispatcher.DispatchController | undefined;
  #late: Error | undefined;

  constructor(
    private readonly asked: Pick<Asked, "timeoutMs" | "maxBytes">,
    private readonly resolve: (answer: Answer) => void,
    private readonly reject: (error: Error) => void,
  ) {
    // For all of it, connecting and a body that drips included.
    this.#timer = setTimeout(() => this.#giveUp(), asked.timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#late !== undefined) controller.abort(this.#late);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > this.asked.maxBytes) controller.abort(new RangeError("the answer is too long"));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    const [only] = this.#chunks;
    const body = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
    const headers = this.#headers;
    const get = (name: string): string | null => {
      const value = headers[name.toLowerCase()];
      // As `Headers` joins them (RFC 9110 §5.3).
      return value === undefined ? null : typeof value === "string" ? value : value.join(", ");
    };
    this.resolve({ status: this.#status, headers: { get }, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#timer);
    this.reject(isTimeout(error) ? timeout() : error);
  }

  #giveUp(): void {
    this.#late = timeout();
    // While the connection is being made there is nothing to abort; whoever waits is told all the same.
    this.#controller?.abort(this.#late);
    this.reject(this.#late);
  }
}

function timeout(): Error {
  return Object.assign(new Error("no answer in time"), { name: "TimeoutError" });
}

function isTimeout(error: Error): boolean {
  return "code" in error && typeof error.code === "string" && /^UND_ERR_\w+_TIMEOUT$/.test(error.code);
}
