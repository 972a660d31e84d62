import type { z } from "zod";
import type { AdminParts } from "./contract.js";

/** One row of the table of the admin API: what is served, what is checked, and what the OpenAPI document says. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `{name}` stands for one segment, percent-encoded as a whole. */
  readonly path: string;
  /** Of the operation, in camelCase; unique. */
  readonly name: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  readonly status: 200 | 201;
  readonly answer: z.ZodType;
  /** Refusals that this row adds to those that every row may give. */
  readonly refusals: readonly AdminRefusalCode[];
  readonly handle: (parts: AdminParts, input: never) => Promise<unknown>;
}

/** What the handler of one row gets: all of it checked. */
export interface Input<Query, Body> {
  /** The `{…}` of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
}

type Shape = z.ZodObject | undefined;
type Read<S extends Shape> = S extends z.ZodObject ? z.output<S> : undefined;

/** Ties the handler's types to the schemas of its row. */
export function route<Answer extends z.ZodType, Query extends Shape = undefined, Body extends Shape = undefined>(
  row: Omit<Route, "query" | "body" | "answer" | "handle" | "status" | "refusals"> & {
    readonly query?: Query;
    readonly body?: Body;
    readonly answer: Answer;
    readonly status?: 200 | 201;
    readonly refusals?: readonly AdminRefusalCode[];
    readonly handle: (parts: AdminParts, input: Input<Read<Query>, Read<Body>>) => Promise<z.input<Answer>>;
  },
): Route {
  return { status: 200, refusals: [], ...row } as unknown as Route;
}

/** Every refusal as data: the status, and when it is given. */
export const REFUSALS = {
  request_refused: { status: 400, when: "A parameter or the body is not what the row takes." },
  token_refused: { status: 401, when: "The bearer token is missing or wrong." },
  origin_refused: { status: 403, when: "The request comes from a web page, or names a host that is not this one." },
  not_found: { status: 404, when: "There is no such thing." },
  method_not_allowed: { status: 405, when: "The path exists, not with this method." },
  conflict: { status: 409, when: "It exists already." },
  body_too_large: { status: 413, when: "The body is longer than 64 KB." },
  not_json: { status: 415, when: "The body is not application/json." },
  too_many_requests: {
    status: 429,
    when: "Too many wrong tokens came from this address; Retry-After says how long to wait.",
  },
  server_error: { status: 500, when: "A defect. The log of the server has more under the id in the message." },
  store_unavailable: {
    status: 503,
    when: "The database does not answer. Nothing was changed; Retry-After says when to try again.",
  },
} as const satisfies Record<string, { readonly status: number; readonly when: string }>;

export type AdminRefusalCode = keyof typeof REFUSALS;

/** An answer that is a refusal. `message` is for the operator: what is wrong and what to do. It holds no secret. */
export class AdminRefusal extends Error {
  override readonly name = "AdminRefusal";
  constructor(
    readonly code: AdminRefusalCode,
    message: string,
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}
