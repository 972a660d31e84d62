import { ErrorSummary, Hidden, type Problem, Shell } from "./page.js";
import type { Ceremony } from "./passkeys.js";
import type { Site } from "./site.js";

export interface SignInPageProps {
  readonly site: Site;
  /** Carried through every form: the CSRF token, where to go afterwards, which authorization this is for. */
  readonly carried: Readonly<Record<string, string | undefined>>;
  /** Nobody has a password or passkey here yet: the only way in is the code. */
  readonly first: boolean;
  /** There is somebody who started Sallyport and owns all of it; otherwise an operator invites people. */
  readonly hasOwner: boolean;
  readonly passkey: Ceremony | undefined;
  /** What people call the identity provider where they may sign in instead. */
  readonly elsewhere?: string | undefined;
  readonly problem?: Problem | undefined;
  readonly userName?: string | undefined;
  readonly notice?: string | undefined;
}

export function SignInPage(props: SignInPageProps) {
  const { site, first, problem, notice } = props;
  return (
    <Shell
      site={site}
      title={problem === undefined ? "Sign in" : "Error: sign in"}
      script={props.passkey !== undefined}
    >
      <h1>{first ? "Welcome" : "Sign in"}</h1>
      {notice === undefined ? null : (
        <p class="note" role="status">
          {notice}
        </p>
      )}
      <ErrorSummary problem={problem} />
      {first ? <FirstCode {...props} /> : <Everyday {...props} />}
      <footer>Check that the address bar says {site.host} before you sign in.</footer>
    </Shell>
  );
}

const OWNER_CODE = (
  <>
    <code>sallyport owner code</code>, with the <code>--name</code> that Sallyport was started with
  </>
);

function FirstCode(props: SignInPageProps) {
  return (
    <>
      <p>
        Sallyport guards the tools behind this address. Sign in with the one-time code
        {props.hasOwner ? " to make it yours." : " that you were given."}
      </p>
      <CodeForm {...props} />
      {props.hasOwner ? (
        <p class="soft">
          The owner finds it in the terminal where Sallyport was started. It works once, for ten minutes. For another
          one, run {OWNER_CODE}.
        </p>
      ) : (
        <p class="soft">
          Whoever runs Sallyport here gives it to you, with <code>sallyport user add</code>. It works once.
        </p>
      )}
    </>
  );
}

function Everyday(props: SignInPageProps) {
  const { site, carried, passkey, problem, elsewhere } = props;
  return (
    <>
      {elsewhere === undefined ? null : (
        <>
          <form method="post" action={`${site.prefix}/sign-in/oidc`}>
            <Hidden values={carried} />
            <button class="primary full" type="submit">
              {`Sign in with ${elsewhere}`}
            </button>
          </form>
          <p class="or">or</p>
        </>
      )}
      {passkey === undefined ? null : (
        <>
          <form
            method="post"
            action={`${site.prefix}/sign-in/passkey`}
            data-passkey="get"
            data-options={passkey.options}
            hidden
          >
            <Hidden values={{ ...carried, nonce: passkey.nonce, credential: "" }} />
            <button class="primary full" type="submit">
              {KEY}Sign in with a passkey
            </button>
            <p role="status" />
          </form>
          <p class="or" data-with-passkey hidden>
            or
          </p>
        </>
      )}
      <form method="post" action={`${site.prefix}/sign-in/password`}>
        <Hidden values={carried} />
        <div class="row">
          <label class="field" for="username">
            User name
          </label>
          <input
            id="username"
            name="username"
            type="text"
            autocomplete="username webauthn"
            autocapitalize="none"
            spellcheck={false}
            maxlength={128}
            required
            value={props.userName}
            aria-invalid={problem?.field === "username" ? "true" : undefined}
          />
        </div>
        <div class="row">
          <label class="field" for="password">
            Password
          </label>
          <input
            id="password"
            name="password"
            type="password"
            autocomplete="current-password"
            maxlength={256}
            required
          />
        </div>
        <button class={passkey === undefined && elsewhere === undefined ? "primary full" : "full"} type="submit">
          Sign in with password
        </button>
      </form>
      <details class="more" open={problem?.field === "code"}>
        <summary>I have a one-time code</summary>
        <CodeForm {...props} />
        <p class="soft">
          Whoever runs Sallyport here gives you one to begin with, or after you lost your passkey or password.
          {props.hasOwner ? <> The owner runs {OWNER_CODE}.</> : null}
        </p>
      </details>
      {site.passkeys ? null : <NoPasskeys site={site} />}
    </>
  );
}

function CodeForm({ site, carried, problem }: SignInPageProps) {
  return (
    <form method="post" action={`${site.prefix}/sign-in/code`}>
      <Hidden values={carried} />
      <div class="row">
        <label class="field" for="code">
          One-time code
        </label>
        <p class="hint" id="code-hint">
          28 letters and digits. Spaces, dashes and lower case are fine.
        </p>
        <input
          class="code"
          id="code"
          name="code"
          type="text"
          autocomplete="one-time-code"
          autocapitalize="characters"
          spellcheck={false}
          maxlength={100}
          required
          aria-describedby="code-hint"
          aria-invalid={problem?.field === "code" ? "true" : undefined}
        />
      </div>
      <button class="primary full" type="submit">
        Continue
      </button>
    </form>
  );
}

export function NoPasskeys({ site }: { readonly site: Site }) {
  const port = new URL(site.origin).port;
  return (
    <p class="soft">
      {`Passkeys need https or the name localhost. To use them here, start Sallyport with --public-url http://localhost${port === "" ? "" : `:${port}`}.`}
    </p>
  );
}

export const KEY = (
  <svg
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="2"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <circle cx="8" cy="15" r="4.5" />
    <path d="M11.5 11.5 20 3M16 7l3 3" />
  </svg>
);
