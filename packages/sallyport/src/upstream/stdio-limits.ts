import { CHILD_LIMITS, type ChildLimits } from "./child.js";

/** Ceilings of a stdio upstream. Every one is there because somebody can otherwise make it grow. */
export interface StdioLimits extends ChildLimits {
  /** Children of one principal (iss, sub, client_id). Default 4. */
  readonly childrenPerPrincipal: number;
  /** Children in total. Default 64. */
  readonly children: number;
  /** Open requests of one child. Default 1,024. */
  readonly openRequests: number;
  /** Milliseconds until `initialize` is answered; includes the download of an `npx` package. Default 60,000. */
  readonly startMs: number;
  /** Milliseconds until a request is answered or shows a first sign of life. Default 300,000. */
  readonly answerMs: number;
  /** Milliseconds that a request of the server waits for a stream of the client to go to. Default 5,000. */
  readonly streamGraceMs: number;
  /** Events and bytes kept for replay in one legacy session. Default 256 and 1 MiB. */
  readonly replayEvents: number;
  readonly replayBytes: number;
  /** Milliseconds between comments on a quiet event stream. Default 25,000. */
  readonly keepAliveMs: number;
  /** Milliseconds for one answer in `describe()`, and for `server/discover`, which some legacy servers do not answer at all. Defaults 30,000 and 5,000. */
  readonly describeMs: number;
  readonly discoverMs: number;
}

export const STDIO_LIMITS: StdioLimits = {
  ...CHILD_LIMITS,
  childrenPerPrincipal: 4,
  children: 64,
  openRequests: 1_024,
  startMs: 60_000,
  answerMs: 300_000,
  streamGraceMs: 5_000,
  replayEvents: 256,
  replayBytes: 1024 * 1024,
  keepAliveMs: 25_000,
  describeMs: 30_000,
  discoverMs: 5_000,
};

/** Milliseconds after which a child that nobody uses is ended. Default 10 minutes. */
export const IDLE_MS = 600_000;
