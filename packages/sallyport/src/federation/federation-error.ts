interface FederationErrorRow {
  readonly status: 403 | 500 | 502 | 503;
  /** For the person, with the name of the identity provider. Never holds what the provider said. */
  readonly text: (label: string) => string;
}

/** Every way in which signing in elsewhere can fail, as data. The reason is shown as well: people read it to their operator. */
export const FEDERATION_ERRORS = {
  idp_unreachable: {
    status: 503,
    text: (label) => `${label} does not answer right now. Nobody was signed in. Try again in a moment.`,
  },
  idp_garbage: {
    status: 502,
    text: (label) => `${label} answered with something that cannot be used. The operator of this server has to look.`,
  },
  idp_issuer: {
    status: 502,
    text: (label) => `${label} calls itself by another name than this server expects. The operator has to correct it.`,
  },
  idp_denied: {
    status: 403,
    text: (label) =>
      `${label} did not sign you in. You may have cancelled, or your account may not be allowed in here.`,
  },
  idp_refused: {
    status: 502,
    text: (label) => `${label} does not accept this server's own registration. The operator has to correct it.`,
  },
  idp_answer_refused: {
    status: 403,
    text: (label) => `The answer of ${label} does not belong to this sign-in. Nobody was signed in. Start again.`,
  },
  idp_not_fresh: {
    status: 403,
    text: (label) =>
      `You have to show ${label} again who you are, and it did not ask you. Sign out there and try again.`,
  },
  idp_account_refused: {
    status: 403,
    text: (label) => `This account of ${label} may not sign in here. Use the account of your organisation.`,
  },
} as const satisfies Record<string, FederationErrorRow>;

export type FederationReason = keyof typeof FEDERATION_ERRORS;

/** `message` is for the log. @see FEDERATION_ERRORS */
export class FederationError extends Error {
  override readonly name = "FederationError";

  constructor(
    readonly reason: FederationReason,
    detail: string,
    options: ErrorOptions = {},
  ) {
    super(`${reason}: ${detail}`, options);
  }
}
