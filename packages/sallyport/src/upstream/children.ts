import type { System } from "@sallyport/auth";
import { Backoff, Seats } from "./ceilings.js";
import type { ChildCommand } from "./child.js";
import type { Host, HostOptions } from "./host.js";
import type { Provision } from "./provisions.js";
import type { StdioLimits } from "./stdio-limits.js";
import { UpstreamError } from "./upstream.js";

export interface ChildrenOptions {
  readonly command: ChildCommand;
  readonly limits: StdioLimits;
  readonly idleMs: number;
  readonly system: System;
}

/** A child that ends by itself within this time after its start has failed to start. */
const YOUNG_MS = 10_000;

/** All running children of one command: starts them within the ceilings and the back-off, and stops them all. */
export class Children {
  readonly #seats: Seats;
  readonly #backoff: Backoff;
  readonly #hosts = new Set<Host>();
  #closed = false;

  constructor(private readonly options: ChildrenOptions) {
    this.#seats = new Seats(options.limits);
    this.#backoff = new Backoff(options.system);
  }

  get count(): number {
    return this.#seats.total;
  }

  /** This owner may have no further child. */
  full(owner: string): boolean {
    return this.#seats.full(owner);
  }

  /**
   * Starts a child for an owner with what is provided for it, as what `make` makes of it.
   * @throws UpstreamError `overloaded` at a ceiling or in back-off, `exited` after {@link close}.
   */
  start<Kind extends { readonly host: Host }>(
    owner: string,
    provision: Provision,
    make: (options: HostOptions) => Kind,
  ): Kind {
    if (this.#closed) throw new UpstreamError("exited", "the gateway is ending");
    this.#backoff.check(owner);
    const free = this.#seats.take(owner);
    const { variables, withdraw } = provision.issue();
    const end = () => {
      free();
      withdraw();
    };
    const made = this.#make({ variables, end }, make);
    const { host } = made;
    this.#hosts.add(host);
    host.exited.then(() => {
      end();
      this.#hosts.delete(host);
      if (host.diedWithin(YOUNG_MS)) this.#backoff.failed(owner);
      else this.#backoff.succeeded(owner);
    });
    return made;
  }

  #make<Kind>(
    { variables, end }: { readonly variables: Readonly<Record<string, string>>; readonly end: () => void },
    make: (options: HostOptions) => Kind,
  ): Kind {
    try {
      return make({ ...this.options, command: withVariables(this.options.command, variables), pausable: true });
    } catch (error) {
      end();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#hosts].map((host) => host.stop()));
  }
}

/** The command with more in its environment; nothing of it goes into the arguments, which every user of the machine can read. */
export function withVariables(command: ChildCommand, variables: Readonly<Record<string, string>>): ChildCommand {
  return { ...command, environment: { ...command.environment, ...variables } };
}
