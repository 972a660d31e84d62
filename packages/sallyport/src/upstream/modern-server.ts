import { principalKey } from "@sallyport/auth";
import { type Answer, takesEvents } from "./answer.js";
import type { Children } from "./children.js";
import { readMessages } from "./messages.js";
import { ModernChild, type PostForm } from "./modern-child.js";
import { refuse } from "./rpc-error.js";
import type { UpstreamRequest } from "./upstream.js";

/** Owner of a shared child. */
const EVERYBODY = "";

/** Revision 2026-07-28 over a family of children: one child for each principal, or one for all where the operator says so. */
export class ModernServer {
  readonly #children = new Map<string, ModernChild>();

  constructor(
    private readonly children: Children,
    private readonly shared: boolean,
  ) {}

  /** @throws UpstreamError when no child can be started. */
  handle(request: UpstreamRequest, body: Buffer, answer: Answer): void {
    const [message] = readMessages(body);
    if (request.method !== "POST") refuse(answer, "methodNotAllowed");
    else if (message === undefined || message.type === "response") refuse(answer, "empty");
    else this.#childOf(request).post(message, answer, this.#form(request));
  }

  #form({ headers, principal }: UpstreamRequest): PostForm {
    return { events: takesEvents(headers.accept), principal: this.shared ? principalKey(principal) : undefined };
  }

  #childOf(request: UpstreamRequest): ModernChild {
    const owner = this.shared ? EVERYBODY : principalKey(request.principal);
    const running = this.#children.get(owner);
    if (running !== undefined && !running.host.ended) return running;
    const child = this.children.start(owner, (host) => new ModernChild({ ...host, pausable: !this.shared }));
    this.#children.set(owner, child);
    child.host.exited.then(() => {
      if (this.#children.get(owner) === child) this.#children.delete(owner);
    });
    return child;
  }
}
