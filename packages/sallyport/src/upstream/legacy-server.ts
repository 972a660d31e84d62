import { principalKey, randomToken, type System } from "@sallyport/auth";
import { type Answer, takesEvents } from "./answer.js";
import type { Children } from "./children.js";
import { attempt } from "./host.js";
import { LegacySession } from "./legacy-session.js";
import { isBatch, type Message, readMessages } from "./messages.js";
import type { Provision } from "./provisions.js";
import { refuse } from "./rpc-error.js";
import type { Provisioned } from "./stdio-request.js";

/** Revisions 2025-03-26 to 2025-11-25 over a family of children: one child for each session, and each session belongs to its principal. */
export class LegacyServer {
  readonly #sessions = new Map<string, LegacySession>();

  constructor(
    private readonly children: Children,
    private readonly system: System,
  ) {}

  get sessions(): number {
    return this.#sessions.size;
  }

  /** @throws UpstreamError when no child can be started. */
  handle(asked: Provisioned, body: Buffer, answer: Answer): void {
    const { request, provision } = asked;
    const messages = readMessages(body);
    const batch = isBatch(body);
    if (request.sessionId === undefined) {
      const first = messages.find(({ method }) => method === "initialize");
      if (first === undefined) refuse(answer, "sessionMissing");
      else if (batch) refuse(answer, "initializeAlone");
      else this.#initialize(first, asked, answer);
      return;
    }
    const session = this.#sessions.get(request.sessionId);
    // a session of somebody else does not exist.
    if (session === undefined || session.host.ended || session.options.owner !== principalKey(request.principal)) {
      refuse(answer, "sessionUnknown");
      return;
    }
    // Its credentials are not the ones of today: the client opens another one, with these.
    if (session.options.mark !== provision.mark) {
      this.#sessions.delete(session.options.id);
      session.host.retire();
      refuse(answer, "sessionUnknown");
      return;
    }
    const events = takesEvents(request.headers.accept);
    if (request.method === "POST") session.post(messages, answer, { batch, events });
    else if (request.method === "DELETE") this.#close(session, answer);
    else if (events) session.get(answer, request.lastEventId);
    else refuse(answer, "notAcceptable");
  }

  /** Ends what this owner has, at once. */
  end(owner: string): void {
    for (const session of this.#sessions.values()) {
      if (session.options.owner === owner) void session.host.stop();
    }
  }

  #initialize(message: Message, { request, provision }: Provisioned, answer: Answer): void {
    const owner = principalKey(request.principal);
    // A client that never says DELETE would lock itself out: its own oldest session that nobody uses makes room.
    const oldest = this.children.full(owner) ? this.#leastUsed(owner) : undefined;
    if (oldest === undefined) {
      this.#open(message, { owner, provision }, answer);
      return;
    }
    oldest.host.stop().then(() => {
      if (!answer.over)
        attempt(
          () => this.#open(message, { owner, provision }, answer),
          (error) => answer.fail(error),
        );
    });
  }

  #open(
    message: Message,
    { owner, provision }: { readonly owner: string; readonly provision: Provision },
    answer: Answer,
  ): void {
    const id = randomToken(this.system);
    const session = this.children.start(
      owner,
      provision,
      (host) => new LegacySession({ ...host, id, owner, mark: provision.mark }),
    );
    this.#sessions.set(id, session);
    session.host.exited.then(() => this.#sessions.delete(id));
    session.initialize(message, answer);
  }

  #leastUsed(owner: string): LegacySession | undefined {
    return [...this.#sessions.values()]
      .filter((session) => session.options.owner === owner && !session.host.inUse)
      .sort((a, b) => a.host.lastUse - b.host.lastUse)[0];
  }

  #close(session: LegacySession, answer: Answer): void {
    this.#sessions.delete(session.options.id);
    session.host.stop().then(() => answer.empty(200));
  }
}
