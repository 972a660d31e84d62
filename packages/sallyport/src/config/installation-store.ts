export interface Installation {
  readonly name: string;
  /** SHA-256, base64url, over the command line or the URL behind this name. */
  readonly fingerprint: string;
  /** Integer seconds. */
  readonly created: number;
}

/** What stands behind a `protect` name (design: names are separate worlds), so that a changed command under it is noticed. */
export interface InstallationStore {
  find(name: string): Promise<Installation | undefined>;
  /** Rejects when the name exists with another fingerprint; the same one again changes nothing. */
  save(name: string, fingerprint: string): Promise<void>;
  /**
   * Puts another command behind the name. People consented to the old one, so this ends every grant, session, code and pending
   * authorization of the installation (its store serves nothing else) and announces a `cutoff` at `now`; one atomic step.
   */
  replace(name: string, fingerprint: string, now: number): Promise<void>;
  /** Whether somebody consented, or may: a grant, a session (live or ended), a code or an entitlement is kept. It says what a `replace` would cost. */
  isUsed(): Promise<boolean>;
}
