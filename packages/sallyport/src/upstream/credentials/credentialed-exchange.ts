import {
  type Exchange,
  type Upstream,
  UpstreamError,
  type UpstreamHandler,
  type UpstreamRequest,
} from "../upstream.js";
import type { Credential, CredentialRequest, CredentialSource } from "./contract.js";
import { CredentialError } from "./credential-error.js";

type Head = Readonly<Record<string, string | readonly string[]>>;

export interface CredentialedOptions {
  readonly upstream: Upstream;
  /** Without a credential of its own. */
  readonly request: UpstreamRequest;
  readonly source: CredentialSource;
  readonly asked: CredentialRequest;
  readonly credential: Credential;
}

/**
 * One exchange under a credential. A refused credential means that the call was not carried out (RFC 9110 §15.5.2: it lacked valid
 * credentials), so that the very same bytes may go on once more under a replacement; nothing else is ever sent twice.
 */
export class CredentialedExchange implements Exchange, UpstreamHandler {
  #exchange: Exchange | undefined;
  #credential: Credential;
  #attempt: 1 | 2 = 1;
  #over = false;
  /** The answer that was refused has nothing more to say. */
  #deaf = false;

  constructor(
    private readonly options: CredentialedOptions,
    private readonly handler: UpstreamHandler,
  ) {
    this.#credential = options.credential;
  }

  /** @throws UpstreamError what the upstream throws for a request that it does not take. */
  start(): this {
    const { upstream, request } = this.options;
    const headers = Object.assign({}, request.headers, this.#credential.headers);
    // Not a spread with members behind it, which V8 11 (Node 20) takes microseconds for.
    this.#exchange = upstream.send(Object.assign({}, request, { headers }), this);
    return this;
  }

  resume(): void {
    this.#exchange?.resume();
  }

  abort(reason: string): void {
    this.#over = true;
    this.#exchange?.abort(reason);
  }

  onHead(status: number, headers: Head): void {
    if (status !== 401 && status !== 403) {
      this.options.source.answered?.(headers);
      this.handler.onHead(status, headers);
      return;
    }
    try {
      const { source, asked } = this.options;
      const next = source.refused?.(asked, this.#credential, { status, headers, attempt: this.#attempt });
      if (next === undefined) this.handler.onHead(status, headers);
      else this.#replace(next);
    } catch (error) {
      this.#fail(error);
    }
  }

  onData(chunk: Uint8Array): boolean {
    return this.#deaf || this.handler.onData(chunk);
  }

  onEnd(): void {
    if (!this.#deaf) this.handler.onEnd();
  }

  onError(error: UpstreamError): void {
    if (!this.#deaf) this.handler.onError(error);
  }

  #replace(next: Credential | Promise<Credential>): void {
    this.#deaf = true;
    this.#exchange?.abort("the credential was refused");
    const send = (credential: Credential) => {
      if (this.#over) return;
      // Whatever is answered after the second try, there is no third.
      if (this.#attempt === 2) throw new CredentialError("credential_rejected", "refused twice");
      this.#attempt = 2;
      this.#deaf = false;
      this.#credential = credential;
      this.start();
    };
    Promise.resolve(next)
      .then(send)
      .catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#deaf = true;
    this.#exchange?.abort("no credential");
    if (this.#over) return;
    this.#over = true;
    const failure =
      error instanceof UpstreamError
        ? error
        : new UpstreamError("protocol", `the credential failed: ${String(error)}`, { cause: error });
    this.handler.onError(failure);
  }
}
