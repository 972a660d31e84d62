interface ConnectionErrorRow {
  readonly status: 403 | 502 | 503;
  /** For the person, with the title of the other system. Never holds what that system said. */
  readonly text: (title: string) => string;
}

/** Every way in which connecting to, or refreshing at, another system can fail, as data. The reason is shown as well. */
export const CONNECTION_ERRORS = {
  connection_unreachable: {
    status: 503,
    text: (title) => `${title} does not answer right now. Nothing was connected. Try again in a moment.`,
  },
  connection_garbage: {
    status: 502,
    text: (title) => `${title} answered with something that cannot be used. The operator of this server has to look.`,
  },
  connection_denied: {
    status: 403,
    text: (title) => `${title} did not agree. You may have cancelled there. Nothing was connected.`,
  },
  connection_client_refused: {
    status: 502,
    text: (title) => `${title} does not accept this server's own registration. The operator has to correct it.`,
  },
  connection_answer_refused: {
    status: 403,
    text: (title) =>
      `The answer of ${title} does not belong to what was begun here. Nothing was connected. Start again.`,
  },
  connection_ended: {
    status: 403,
    text: (title) => `${title} has ended this connection.`,
  },
} as const satisfies Record<string, ConnectionErrorRow>;

export type ConnectionReason = keyof typeof CONNECTION_ERRORS;

/** `message` is for the log and holds no token. @see CONNECTION_ERRORS */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";

  constructor(
    readonly reason: ConnectionReason,
    detail: string,
    options: ErrorOptions = {},
  ) {
    super(`${reason}: ${detail}`, options);
  }
}
