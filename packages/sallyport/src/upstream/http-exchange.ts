import type { Dispatcher } from "undici";
import { endToEndHeaders } from "./hop-by-hop.js";
import { toUpstreamError } from "./http-errors.js";
import { type Exchange, UpstreamError, type UpstreamHandler } from "./upstream.js";

/**
 * One request in undici's dispatch. A class, because one is made per call and undici wants exactly this shape.
 * After {@link abort} the handler hears nothing more, and the connection, which still carries somebody's half answer, is closed with it.
 */
export class HttpExchange implements Exchange, Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #aborted: Error | undefined;
  #over = false;

  /** `onOver` is called once, when undici has let go of the request: from then on the slot is free. */
  constructor(
    private readonly handler: UpstreamHandler,
    private readonly onOver: () => void,
  ) {}

  resume(): void {
    this.#controller?.resume();
  }

  abort(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#aborted = new Error(reason);
    this.#controller?.abort(this.#aborted);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The client left while the connection was being made. Only now is there something to abort; until now the slot was taken.
    if (this.#aborted !== undefined) controller.abort(this.#aborted);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#over || status < 200) return;
    // A redirect followed by the client would carry the client's token to wherever it points; here it is a fault of the upstream.
    if (status >= 300 && status < 400) {
      const message = `the upstream answered with a redirect (${status}), which is not followed`;
      controller.abort(new UpstreamError("protocol", message));
      return;
    }
    // The same headers as bytes, which nobody reads: an event stream would hold them for days.
    controller.rawHeaders = null;
    this.handler.onHead(status, endToEndHeaders(headers));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over && !this.handler.onData(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.onOver();
    if (this.#over) return;
    this.#over = true;
    this.handler.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.onOver();
    // A request that undici does not even take fails while `send` still runs; the handler hears nothing before that has returned.
    if (this.#controller === undefined) queueMicrotask(() => this.#fail(error));
    else this.#fail(error);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.handler.onError(toUpstreamError(error));
  }
}
