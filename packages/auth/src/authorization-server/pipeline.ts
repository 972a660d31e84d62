import type { PlainRequest } from "../oauth/parameters.js";
import { PlainAnswer } from "./responses.js";
import type { Server } from "./server.js";

/** What every request brings to the first step of its route. */
export interface Start {
  readonly server: Server;
  readonly request: PlainRequest;
  readonly url: Pick<URL, "pathname" | "search">;
}

/** … and one that a browser opens or sends, with its cookies: sign-in wants to see the `Request` itself. */
export interface Visit extends Start {
  readonly request: Request;
}

/** @throws TypeError when a route for browsers was reached by the way for programs */
export function visitOf(flow: Start): Visit {
  const { request } = flow;
  if (!(request instanceof Request)) throw new TypeError("a page is asked for by a Request");
  return { ...flow, request };
}

/**
 * One step of an endpoint: takes what is known so far and returns more, or answers, which ends the row, or throws an OAuthError. The
 * types make the order of the steps checkable: what a step needs, an earlier one must have found out. What a step adds is written before
 * what it was given: `{ form, ...flow }` takes a tenth of the time of `{ ...flow, form }` in Node 20.
 */
export type Step<In, Out> = (flow: In) => Out | Reply | Promise<Out | Reply>;

export type Reply = Response | PlainAnswer;

/** A row of steps; the last one answers. */
export type Steps = readonly Step<never, unknown>[];

type Answer<In> = Step<In, never>;

export function steps(...row: [Answer<Start>]): Steps;
export function steps<A>(...row: [Step<Start, A>, Answer<A>]): Steps;
export function steps<A, B>(...row: [Step<Start, A>, Step<A, B>, Answer<B>]): Steps;
export function steps<A, B, C>(...row: [Step<Start, A>, Step<A, B>, Step<B, C>, Answer<C>]): Steps;
export function steps<A, B, C, D>(...row: [Step<Start, A>, Step<A, B>, Step<B, C>, Step<C, D>, Answer<D>]): Steps;
export function steps<A, B, C, D, E>(
  ...row: [Step<Start, A>, Step<A, B>, Step<B, C>, Step<C, D>, Step<D, E>, Answer<E>]
): Steps;
export function steps<A, B, C, D, E, F>(
  ...row: [Step<Start, A>, Step<A, B>, Step<B, C>, Step<C, D>, Step<D, E>, Step<E, F>, Answer<F>]
): Steps;
export function steps<A, B, C, D, E, F, G>(
  ...row: [Step<Start, A>, Step<A, B>, Step<B, C>, Step<C, D>, Step<D, E>, Step<E, F>, Step<F, G>, Answer<G>]
): Steps;
export function steps<A, B, C, D, E, F, G, H>(
  ...row: [
    Step<Start, A>,
    Step<A, B>,
    Step<B, C>,
    Step<C, D>,
    Step<D, E>,
    Step<E, F>,
    Step<F, G>,
    Step<G, H>,
    Answer<H>,
  ]
): Steps;
export function steps(...row: readonly Step<never, unknown>[]): Steps {
  return row;
}

/** How an endpoint answers what was thrown; `flow` is as far as the steps had come. */
export type Refuse = (error: unknown, flow: Start) => Reply | Promise<Reply>;

export async function runSteps(row: Steps, start: Start, refuse: Refuse): Promise<Reply> {
  let flow: Start = start;
  try {
    for (const step of row as readonly Step<Start, Start>[]) {
      const found = step(flow);
      // Only what is under way is waited for: half of the steps know at once.
      const result = found instanceof Promise ? await found : found;
      if (result instanceof PlainAnswer || result instanceof Response) return result;
      flow = result;
    }
    throw new TypeError("the last step of a row answers");
  } catch (error) {
    return refuse(error, flow);
  }
}
