import { principalKey } from "@sallyport/auth";
import { type Answer, takesEvents } from "./answer.js";
import type { Children } from "./children.js";
import { readMessages } from "./messages.js";
import { ModernChild, type PostForm } from "./modern-child.js";
import { refuse } from "./rpc-error.js";
import type { Provisioned } from "./stdio-request.js";
import type { UpstreamRequest } from "./upstream.js";

/** Owner of a shared child. */
const EVERYBODY = "";

/** Revision 2026-07-28 over a family of children: one child for each principal, or one for all where the operator says so. */
export class ModernServer {
  readonly #children = new Map<string, { readonly child: ModernChild; readonly mark: string }>();

  constructor(
    private readonly children: Children,
    private readonly shared: boolean,
  ) {}

  /** @throws UpstreamError when no child can be started. */
  handle(asked: Provisioned, body: Buffer, answer: Answer): void {
    const { request } = asked;
    const [message] = readMessages(body);
    if (request.method !== "POST") refuse(answer, "methodNotAllowed");
    else if (message === undefined || message.type === "response") refuse(answer, "empty");
    else this.#childOf(asked).post(message, answer, this.#form(request));
  }

  #form({ headers, principal }: UpstreamRequest): PostForm {
    return { events: takesEvents(headers.accept), principal: this.shared ? principalKey(principal) : undefined };
  }

  /** Ends what this owner has, at once. */
  end(owner: string): void {
    void this.#children.get(owner)?.child.host.stop();
  }

  #childOf({ request, provision }: Provisioned): ModernChild {
    const owner = this.shared ? EVERYBODY : principalKey(request.principal);
    const running = this.#children.get(owner);
    if (running !== undefined && !running.child.host.ended) {
      if (running.mark === provision.mark) return running.child;
      // Started with credentials that are not the ones of today.
      running.child.host.retire();
    }
    const child = this.children.start(owner, provision, (host) => new ModernChild({ ...host, pausable: !this.shared }));
    this.#children.set(owner, { child, mark: provision.mark });
    child.host.exited.then(() => {
      if (this.#children.get(owner)?.child === child) this.#children.delete(owner);
    });
    return child;
  }
}
