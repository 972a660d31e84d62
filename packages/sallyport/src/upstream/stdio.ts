import { MODERN, principalKey, type System } from "@sallyport/auth";
import { Answer } from "./answer.js";
import type { ChildCommand } from "./child.js";
import { childEnvironment } from "./child-environment.js";
import { Children, withVariables } from "./children.js";
import { CredentialError } from "./credentials/credential-error.js";
import { LegacyServer } from "./legacy-server.js";
import { readMessages } from "./messages.js";
import { ModernServer } from "./modern-server.js";
import { describeCommand } from "./probe.js";
import { createProvisions, type Provision, type Provisions } from "./provisions.js";
import { refuse } from "./rpc-error.js";
import { IDLE_MS, STDIO_LIMITS, type StdioLimits } from "./stdio-limits.js";
import {
  type Exchange,
  type Upstream,
  type UpstreamDescription,
  UpstreamError,
  type UpstreamHandler,
  type UpstreamRequest,
} from "./upstream.js";

export interface StdioUpstreamOptions {
  /** The server's name in the configuration; its log lines carry it. */
  readonly name: string;
  /** Program and arguments; there is no shell. */
  readonly command: readonly [string, ...string[]];
  /** Our own environment, of which children get PATH, HOME, LANG, LC_*, TZ and TMPDIR. */
  readonly hostEnvironment: Readonly<Record<string, string | undefined>>;
  /** Variables for the children, over the inherited ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further variables, which differ by principal or change: those of credentials. */
  readonly provisions?: Provisions;
  /** Working directory of the children; never the data folder. */
  readonly cwd: string;
  readonly system: System;
  readonly limits?: Partial<StdioLimits>;
  /** Milliseconds until an unused child is ended. Default 10 minutes. */
  readonly idleMs?: number;
  /** One child of revision 2026-07-28 for all principals. Default false: one each. Legacy sessions always have one each. */
  readonly shared?: boolean;
}

/** An upstream with the numbers that a test of leaks reads. */
export interface StdioUpstream extends Upstream {
  stats(): { readonly children: number; readonly sessions: number; readonly answers: number };
}

/**
 * A family of stdio children behind the server side of Streamable HTTP (design §5.11). Legacy revisions: one child for each session that
 * `initialize` opens, and the session belongs to its principal. 2026-07-28: one child for each principal. A child learns nothing of who calls.
 * NOT checked: what the child does. It runs as our user.
 */
export function createStdioUpstream(options: StdioUpstreamOptions): StdioUpstream {
  return new Family(options);
}

class Family implements StdioUpstream {
  readonly #limits: StdioLimits;
  readonly #command: ChildCommand;
  readonly #children: Children;
  readonly #legacy: LegacyServer;
  readonly #modern: ModernServer;
  readonly #provisions: Provisions;
  readonly #answers = new Set<Answer>();
  readonly #keepAlive: NodeJS.Timeout;
  #description: Promise<UpstreamDescription> | undefined;
  #probing: Promise<UpstreamDescription> | undefined;
  #era: UpstreamDescription["era"] | undefined;
  /** It says what it offers without anybody's credentials. */
  #offersAlone = false;

  constructor(options: StdioUpstreamOptions) {
    const { name, command, cwd, system, idleMs = IDLE_MS } = options;
    const limits = { ...STDIO_LIMITS, ...options.limits };
    const environment = childEnvironment(options.hostEnvironment, options.env);
    this.#limits = limits;
    this.#command = { name, command, cwd, system, limits, environment };
    this.#provisions = options.provisions ?? createProvisions({ given: () => ({}) });
    this.#children = new Children({ command: this.#command, limits, idleMs, system });
    this.#legacy = new LegacyServer(this.#children, system);
    this.#modern = new ModernServer(this.#children, options.shared ?? false);
    this.#keepAlive = setInterval(() => {
      for (const answer of this.#answers) answer.keepAlive();
    }, limits.keepAliveMs);
    this.#keepAlive.unref();
  }

  send(request: UpstreamRequest, handler: UpstreamHandler): Exchange {
    const answer = new Answer(handler, (over) => this.#answers.delete(over));
    this.#answers.add(answer);
    // The handler hears nothing before its exchange is in the caller's hands.
    void this.#handle(request, answer);
    return { resume: () => answer.resume(), abort: () => answer.leave() };
  }

  /** Asks anew each time; calls at the same time share one sibling. */
  async describe(): Promise<UpstreamDescription> {
    this.#description ??= this.#provisions
      .for(undefined)
      .then((provision) => this.#probe(provision))
      .then((description) => {
        this.#offersAlone = true;
        return description;
      })
      .finally(() => {
        this.#description = undefined;
      });
    return this.#description;
  }

  async close(): Promise<void> {
    clearInterval(this.#keepAlive);
    await this.#children.close();
    await this.#provisions.close();
  }

  get children(): number {
    return this.#children.count;
  }

  stats() {
    return { children: this.#children.count, sessions: this.#legacy.sessions, answers: this.#answers.size };
  }

  async #handle(request: UpstreamRequest, answer: Answer): Promise<void> {
    try {
      const provision = await this.#provisionFor(request);
      const era = await this.#eraFor(request, provision);
      if (answer.over) return;
      const body = Buffer.from(request.body ?? []);
      const wanted = eraOf(request);
      if (era !== "both" && era !== wanted) refuse(answer, `${era}Only`, readMessages(body)[0]?.id);
      else if (wanted === "modern") this.#modern.handle({ request, provision }, body, answer);
      else this.#legacy.handle({ request, provision }, body, answer);
    } catch (error) {
      answer.fail(
        error instanceof UpstreamError
          ? error
          : new UpstreamError("protocol", "the server cannot be asked", { cause: error }),
      );
    }
  }

  /** A legacy client's `initialize` finds out by itself; a request of 2026-07-28 must not reach a child that exits on it. */
  async #eraFor(request: UpstreamRequest, provision: Provision): Promise<UpstreamDescription["era"]> {
    if (this.#era !== undefined) return this.#era;
    if (eraOf(request) === "legacy") return "both";
    await this.#description?.catch(() => {});
    if (this.#era !== undefined) return this.#era;
    // With what this caller's child will have: some servers do not start without.
    this.#probing ??= this.#probe(provision).finally(() => {
      this.#probing = undefined;
    });
    return (await this.#probing).era;
  }

  async #probe(provision: Provision): Promise<UpstreamDescription> {
    const { variables, withdraw } = provision.issue();
    try {
      const description = await describeCommand(withVariables(this.#command, variables), this.#limits);
      this.#era = description.era;
      return description;
    } finally {
      withdraw();
    }
  }

  async #provisionFor(request: UpstreamRequest): Promise<Provision> {
    const { principal } = request;
    try {
      return await this.#provisions.for(principal);
    } catch (error) {
      if (!(error instanceof CredentialError) || error.reason !== "connection_needed") throw error;
      if (this.#offersAlone && onlyLists(request)) return this.#provisions.for(undefined);
      // What was connected is not any more: no child goes on with it.
      const owner = principalKey(principal);
      this.#legacy.end(owner);
      this.#modern.end(owner);
      throw error;
    }
  }
}

function eraOf(request: UpstreamRequest): "legacy" | "modern" {
  return request.revision === MODERN ? "modern" : "legacy";
}

/** A client of 2026-07-28 finds out what there is before it calls; the person is led to connect when there is something to do with it. */
function onlyLists(request: UpstreamRequest): boolean {
  const [message, ...more] = eraOf(request) === "modern" ? readMessages(Buffer.from(request.body ?? [])) : [];
  return more.length === 0 && /^(?:server\/discover|[a-z]+(?:\/[a-z]+)?\/list)$/.test(message?.method ?? "");
}
