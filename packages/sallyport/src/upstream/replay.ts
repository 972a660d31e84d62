interface Kept {
  readonly stream: number;
  readonly sequence: number;
  readonly line: Buffer;
}

/**
 * The last events of one session, so that a client that lost its connection can have them again (Last-Event-ID). Bounded in number and
 * bytes; the oldest go first, and what is gone is not replayed. An id is `stream-sequence`; who may use it is the gateway's to check.
 */
export class Replay {
  #kept: Kept[] = [];
  #bytes = 0;
  #sequence = 0;

  constructor(private readonly limits: { readonly events: number; readonly bytes: number }) {}

  /** Keeps an event of a stream and gives its id. */
  record(stream: number, line: Buffer): string {
    const sequence = ++this.#sequence;
    this.#kept.push({ stream, sequence, line });
    this.#bytes += line.length;
    while (this.#kept.length > this.limits.events || this.#bytes > this.limits.bytes) this.#drop();
    return eventId(stream, sequence);
  }

  /** Withdraws an event that nobody has seen and nobody shall see any more. */
  withdraw(id: string): void {
    const event = parseEventId(id);
    const at = this.#kept.findIndex((kept) => kept.sequence === event?.sequence);
    const [gone] = at === -1 ? [] : this.#kept.splice(at, 1);
    this.#bytes -= gone?.line.length ?? 0;
  }

  /** The events of a stream after one of its events. */
  after(
    stream: number,
    sequence: number,
  ): readonly { readonly id: string; readonly line: Buffer; readonly sequence: number }[] {
    return this.#kept
      .filter((kept) => kept.stream === stream && kept.sequence > sequence)
      .map((kept) => ({ id: eventId(stream, kept.sequence), line: kept.line, sequence: kept.sequence }));
  }

  /** Stream and sequence of an id that this session has given. */
  parse(id: string): { readonly stream: number; readonly sequence: number } | undefined {
    const event = parseEventId(id);
    return event !== undefined && event.sequence <= this.#sequence ? event : undefined;
  }

  #drop(): void {
    this.#bytes -= this.#kept.shift()?.line.length ?? 0;
  }
}

function eventId(stream: number, sequence: number): string {
  return `${stream}-${sequence}`;
}

function parseEventId(id: string): { readonly stream: number; readonly sequence: number } | undefined {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(id);
  return match === null ? undefined : { stream: Number(match[1]), sequence: Number(match[2]) };
}
