import { UpstreamError } from "../upstream.js";

interface CredentialErrorRow {
  /** What it is to whoever only knows upstreams; decides nothing else. */
  readonly kind: UpstreamError["kind"];
  readonly status: 403 | 400 | 502 | 503 | 504;
  /** For the caller. Never holds what another server said. */
  readonly text: string;
}

/** Every way in which the credential for the system behind can be missing, as data. `data.reason` of the JSON-RPC error is the key. */
export const CREDENTIAL_ERRORS = {
  credential_unreachable: {
    kind: "unreachable",
    status: 502,
    text: "The server that issues credentials for the system behind this gateway cannot be reached.",
  },
  credential_timeout: {
    kind: "timeout",
    status: 504,
    text: "The server that issues credentials for the system behind this gateway did not answer in time.",
  },
  credential_overloaded: {
    kind: "overloaded",
    status: 503,
    text: "The server that issues credentials for the system behind this gateway is busy. Try again.",
  },
  credential_garbage: {
    kind: "protocol",
    status: 502,
    text: "The server that issues credentials for the system behind this gateway answered with something that cannot be used.",
  },
  credential_refused: {
    kind: "protocol",
    status: 502,
    text: "The server that issues credentials for the system behind this gateway issues none for this call.",
  },
  credential_rejected: {
    kind: "protocol",
    status: 502,
    text: "The system behind this gateway does not accept the credential that was made for this call.",
  },
  credential_conflict: {
    kind: "protocol",
    status: 400,
    text: "The messages of this batch need different credentials. Send them one by one.",
  },
  connection_needed: {
    kind: "protocol",
    status: 403,
    text: "This call needs your own account at another system. Connect it at the address in data.connectUrl, then try again.",
  },
  sign_in_needed: {
    kind: "protocol",
    status: 403,
    text: "This call is made with your own sign-in at your identity provider, and there is none here any more. Sign in at the address in data.connectUrl, then try again.",
  },
  person_needed: {
    kind: "protocol",
    status: 403,
    text: "This call is made with a person's own sign-in. A program that calls for itself has none.",
  },
} as const satisfies Record<string, CredentialErrorRow>;

export type CredentialReason = keyof typeof CREDENTIAL_ERRORS;

/** Nothing goes on without a credential. `message` is for the log and holds no token; `data` is shown to the caller. */
export class CredentialError extends UpstreamError {
  readonly reason: CredentialReason;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    reason: CredentialReason,
    message: string,
    options: {
      readonly retryAfter?: number;
      readonly cause?: unknown;
      readonly data?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    const { data = {}, ...rest } = options;
    super(CREDENTIAL_ERRORS[reason].kind, message, rest);
    this.reason = reason;
    this.data = data;
  }
}
