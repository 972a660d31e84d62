import { ErrorSummary, Hidden, type Problem, Shell } from "./page.js";
import type { Ceremony } from "./passkeys.js";
import { KEY, NoPasskeys } from "./sign-in-page.js";
import type { Site } from "./site.js";

export interface SetUpPageProps {
  readonly site: Site;
  readonly userName: string;
  readonly carried: Readonly<Record<string, string | undefined>>;
  readonly passkey: Ceremony | undefined;
  readonly problem?: Problem | undefined;
  /** Where to go on without a change, for people who can sign in already. */
  readonly skipTo?: string | undefined;
}

/** The step after a one-time code: from now on with a passkey or a password. */
export function SetUpPage(props: SetUpPageProps) {
  const { site, userName, carried, passkey, problem, skipTo } = props;
  return (
    <Shell
      site={site}
      title={problem === undefined ? "Choose how you sign in" : "Error: choose how you sign in"}
      script={passkey !== undefined}
    >
      <h1>Choose how you sign in from now on</h1>
      <p class="soft">
        The code is used up. Your user name is <strong>{userName}</strong>.
      </p>
      <ErrorSummary problem={problem} />
      {passkey === undefined ? (
        <NoPasskeys site={site} />
      ) : (
        <>
          <form
            method="post"
            action={`${site.prefix}/account/set-up/passkey`}
            data-passkey="create"
            data-options={passkey.options}
            hidden
          >
            <Hidden values={{ ...carried, nonce: passkey.nonce, credential: "" }} />
            <h2>With this device</h2>
            <p class="soft">Fingerprint, face or screen lock. Nothing to remember, nothing to steal.</p>
            <button class="primary full" type="submit">
              {KEY}Create a passkey
            </button>
            <p role="status" />
          </form>
          <p class="or" data-with-passkey hidden>
            or
          </p>
        </>
      )}
      <form method="post" action={`${site.prefix}/account/set-up/password`}>
        <Hidden values={carried} />
        <h2>With a password</h2>
        <input type="text" name="username" autocomplete="username" value={userName} readonly hidden />
        <NewPasswordRow invalid={problem?.field === "new-password"} />
        <button class={passkey === undefined ? "primary full" : "full"} type="submit">
          Set password
        </button>
      </form>
      {skipTo === undefined ? null : (
        <p class="or">
          <a href={skipTo}>Keep what I have and continue</a>
        </p>
      )}
    </Shell>
  );
}

export function NewPasswordRow({ invalid }: { readonly invalid: boolean }) {
  return (
    <div class="row">
      <label class="field" for="new-password">
        New password
      </label>
      <p class="hint" id="new-password-hint">
        At least 12 characters. A few words are better than a few signs.
      </p>
      <input
        id="new-password"
        name="password"
        type="password"
        autocomplete="new-password"
        minlength={12}
        maxlength={256}
        required
        aria-describedby="new-password-hint"
        aria-invalid={invalid ? "true" : undefined}
      />
    </div>
  );
}
