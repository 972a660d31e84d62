/** A request these pages do not serve. `title` and `text` are shown; `reason` goes to the log. Neither holds what the person typed. */
export class PageRefusal extends Error {
  override readonly name = "PageRefusal";
  readonly status: 400 | 403 | 404 | 413 | 415 | 429 | 503;
  readonly title: string;
  readonly text: string;
  /** Seconds, for 429 and 503. */
  readonly retryAfter: number | undefined;

  constructor(reason: PageRefusalReason, retryAfter?: number) {
    super(reason);
    const row = PAGE_REFUSALS[reason];
    this.status = row.status;
    this.title = row.title;
    this.text = row.text;
    this.retryAfter = retryAfter;
  }
}

const PAGE_REFUSALS = {
  foreign_origin: {
    status: 403,
    title: "That did not come from this page",
    text: "The form was sent by another website, so nothing was done.",
  },
  stale_form: {
    status: 403,
    title: "This page is too old",
    text: "The form does not belong to this browser any more. Nothing was done. Go back, reload the page and try again.",
  },
  form_type: { status: 415, title: "That is not a form", text: "This address takes only the form of its page." },
  form_size: { status: 413, title: "That is too much", text: "The form was longer than this page accepts." },
  form_malformed: {
    status: 400,
    title: "That form is not complete",
    text: "Go back, reload the page and try again.",
  },
  foreign_stale: {
    status: 403,
    title: "This sign-in is not of this browser",
    text: "The answer does not belong to a sign-in that was begun here in the last ten minutes, or it was used already. Nobody was signed in. Start again.",
  },
  foreign_signed_out: {
    status: 403,
    title: "You were signed out in the meantime",
    text: "While you were on your way here, your identity provider ended the sign-in that you came from. Nobody was signed in. Start again.",
  },
  connection_stale: {
    status: 403,
    title: "This answer is not of this browser",
    text: "It does not belong to a connection that you began here in the last ten minutes, or it was used already. Nothing was connected. Start again from the address that your program showed.",
  },
  account_disabled: {
    status: 403,
    title: "This account is closed",
    text: "The operator of this server has closed your account here. Nobody was signed in.",
  },
  too_many: {
    status: 429,
    title: "Too many tries",
    text: "For safety, sign-in is paused for a while. Nothing is lost: try again later.",
  },
  store_unavailable: {
    status: 503,
    title: "This server cannot look anything up right now",
    text: "Its database does not answer. Nothing was done and nothing is lost: load the page again in a moment. If it stays, tell the operator.",
  },
  unknown_page: { status: 404, title: "There is no such page", text: "The address is not one of this server." },
} as const;

export type PageRefusalReason = keyof typeof PAGE_REFUSALS;
