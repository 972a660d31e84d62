import type { Log } from "@sallyport/auth";
import { Child, type ChildCommand } from "./child.js";
import {
  type Ask,
  type Fields,
  INITIALIZE_PARAMS,
  isFields,
  isModernDiscovery,
  mergeTools,
  modernParams,
  Refused,
  readTools,
  resultOf,
  serverInfoOf,
} from "./describe.js";
import { type UpstreamDescription, UpstreamError } from "./upstream.js";

export interface ProbeLimits {
  readonly describeMs: number;
  readonly discoverMs: number;
}

/**
 * Describes a command by a disposable sibling of the children that will serve. It is asked `server/discover` first. A server that
 * refuses that is asked to `initialize` on the spot; one that exits or stays silent gets a fresh process for it, because some servers
 * bear no message before `initialize`. The sibling is killed afterwards.
 */
export async function describeCommand(command: ChildCommand, limits: ProbeLimits): Promise<UpstreamDescription> {
  const next = siblingsOf(command);
  const sibling = next();
  try {
    const ask = sibling.asker(limits.describeMs, modernParams);
    const discovery = await sibling.asker(limits.discoverMs, modernParams)("server/discover", {});
    if (!isModernDiscovery(discovery)) return await describeFresh(next, limits);
    const modern: UpstreamDescription = {
      era: "modern",
      serverInfo: serverInfoOf(discovery),
      tools: await readTools(ask),
    };
    const legacy = await describeFresh(next, limits).catch(() => undefined);
    return legacy === undefined ? modern : { ...modern, era: "both", tools: mergeTools(modern.tools, legacy.tools) };
  } catch (error) {
    if (error instanceof Refused) return await describeLegacy(sibling, limits);
    return await describeFresh(next, limits);
  } finally {
    await sibling.stop();
  }
}

/** Siblings of one description. What one of them has said, and how it ended, is not logged again when the next says just the same. */
function siblingsOf(command: ChildCommand): () => Sibling {
  const { system } = command;
  const first = new Map<string, object>();
  return () => {
    const log: Log = (level, message, fields) => {
      const entry = JSON.stringify([message, fields]);
      const who = first.get(entry) ?? log;
      first.set(entry, who);
      if (who === log) system.log(level, message, fields);
    };
    return new Sibling({ ...command, system: { ...system, log } });
  };
}

async function describeFresh(next: () => Sibling, limits: ProbeLimits): Promise<UpstreamDescription> {
  const sibling = next();
  try {
    return await describeLegacy(sibling, limits);
  } finally {
    await sibling.stop();
  }
}

async function describeLegacy(sibling: Sibling, limits: ProbeLimits): Promise<UpstreamDescription> {
  const ask = sibling.asker(limits.describeMs);
  try {
    const initialized = await ask("initialize", INITIALIZE_PARAMS);
    sibling.tell("notifications/initialized");
    return { era: "legacy", serverInfo: serverInfoOf(initialized), tools: await readTools(ask) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new UpstreamError("protocol", "the server refuses to be described", { cause: error });
  }
}

const METHOD_NOT_FOUND = { code: -32601, message: "Method not found" };

/** A child with a client on our side that can do nothing but ask. */
class Sibling {
  readonly #child: Child;
  readonly #waiting = new Map<unknown, { resolve(answer: unknown): void; reject(error: UpstreamError): void }>();
  #ended: UpstreamError | undefined;
  #id = 0;

  constructor(command: ChildCommand) {
    this.#child = new Child(command, {
      onMessage: (_line, message) => {
        if (isFields(message)) this.#onMessage(message);
      },
      onExit: (error) => {
        this.#ended = error;
        for (const waiting of this.#waiting.values()) waiting.reject(error);
      },
    });
  }

  asker(timeoutMs: number, envelope: (params: Fields) => Fields = (params) => params): Ask {
    return async (method, params) => {
      if (this.#ended !== undefined) throw this.#ended;
      const id = ++this.#id;
      const answer = new Promise<unknown>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
      });
      const timer = setTimeout(() => {
        this.#waiting.get(id)?.reject(new UpstreamError("timeout", `the server did not answer ${method} in time`));
      }, timeoutMs);
      this.#write({ id, method, params: envelope(params) });
      return resultOf(await answer.finally(() => clearTimeout(timer)));
    };
  }

  tell(method: string): void {
    this.#write({ method });
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  #onMessage(message: Fields): void {
    if (message.method === undefined) {
      this.#waiting.get(message.id)?.resolve(message);
      this.#waiting.delete(message.id);
    } else if (message.id !== undefined) {
      // It asks our capabilities' side, as for the roots; a probe has nothing to tell.
      this.#write({ id: message.id, ...(message.method === "ping" ? { result: {} } : { error: METHOD_NOT_FOUND }) });
    }
  }

  #write(message: Fields): void {
    if (!this.#child.ended) this.#child.write(Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message })));
  }
}
