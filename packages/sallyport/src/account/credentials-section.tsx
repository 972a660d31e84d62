import { Hidden, type Problem } from "../sign-in/page.js";
import type { Ceremony } from "../sign-in/passkeys.js";
import { NewPasswordRow } from "../sign-in/set-up-page.js";
import { KEY, NoPasskeys } from "../sign-in/sign-in-page.js";
import type { Site } from "../sign-in/site.js";
import type { Passkey, User } from "../sign-in/storage.js";
import { Moment } from "./time.js";

export interface CredentialsProps {
  readonly site: Site;
  readonly csrf: string;
  readonly now: number;
  readonly user: User;
  readonly passkeys: readonly Passkey[];
  /** What changes need, from a sign-in of the last minutes. */
  readonly ticket: string | undefined;
  readonly ceremony: Ceremony | undefined;
  readonly problem: Problem | undefined;
  /** What the identity provider is called, for somebody who signs in there; without a password or passkey there is nothing to change here. */
  readonly elsewhere: string | undefined;
}

export function CredentialsSection(props: CredentialsProps) {
  const { site, user, passkeys, ticket, elsewhere } = props;
  if (elsewhere !== undefined && user.password_hash === undefined && passkeys.length === 0) {
    return (
      <section aria-labelledby="credentials">
        <h2 id="credentials">How you sign in</h2>
        <p>{`You sign in with ${elsewhere}, and change how you do that there.`}</p>
      </section>
    );
  }
  return (
    <section aria-labelledby="credentials">
      <h2 id="credentials">How you sign in</h2>
      <PasskeyList {...props} />
      <p>{user.password_hash === undefined ? "You have no password." : "You have a password."}</p>
      {ticket !== undefined ? (
        <>
          <AddPasskey {...props} />
          <ChangePassword {...props} />
        </>
      ) : (
        <p>
          <a href={`${site.prefix}/sign-in`}>Sign in again</a> to change how you sign in.
        </p>
      )}
    </section>
  );
}

function PasskeyList({ site, csrf, now, user, passkeys, ticket }: CredentialsProps) {
  if (passkeys.length === 0) return <p>You have no passkey.</p>;
  const removable = ticket !== undefined && (passkeys.length > 1 || user.password_hash !== undefined);
  return (
    <ul class="list">
      {passkeys.map((passkey) => (
        <li class="split">
          <p>
            <strong>{passkey.label}</strong>
            <br />
            <span class="soft">
              Passkey, added <Moment at={passkey.created} now={now} />
            </span>
          </p>
          {removable ? (
            <form method="post" action={`${site.prefix}/account/passkeys/remove`}>
              <Hidden values={{ csrf, ticket, id: passkey.id }} />
              <button class="primary" type="submit">
                Remove<span class="unseen"> the passkey {passkey.label}</span>
              </button>
            </form>
          ) : null}
        </li>
      ))}
    </ul>
  );
}

function AddPasskey({ site, csrf, ticket, ceremony }: CredentialsProps) {
  if (ceremony === undefined) return <NoPasskeys site={site} />;
  return (
    <details class="more" data-with-passkey hidden>
      <summary>Add a passkey</summary>
      <form
        method="post"
        action={`${site.prefix}/account/passkeys/add`}
        data-passkey="create"
        data-options={ceremony.options}
        hidden
      >
        <Hidden values={{ csrf, ticket, nonce: ceremony.nonce, credential: "" }} />
        <div class="row">
          <label class="field" for="label">
            Name of this passkey
          </label>
          <p class="hint" id="label-hint">
            So that you know it again, for example "Work laptop".
          </p>
          <input
            id="label"
            name="label"
            type="text"
            maxlength={60}
            required
            autocomplete="off"
            aria-describedby="label-hint"
          />
        </div>
        <button class="primary" type="submit">
          {KEY}Add passkey
        </button>
        <p role="status" />
      </form>
    </details>
  );
}

function ChangePassword({ site, csrf, ticket, user, problem }: CredentialsProps) {
  const words = user.password_hash === undefined ? "Set a password" : "Change password";
  const invalid = problem?.field === "new-password";
  return (
    <details class="more" open={invalid}>
      <summary>{words}</summary>
      <form method="post" action={`${site.prefix}/account/password`}>
        <Hidden values={{ csrf, ticket }} />
        <input type="text" name="username" autocomplete="username" value={user.name} readonly hidden />
        <NewPasswordRow invalid={invalid} />
        <p class="soft">Your other browsers are signed out. Programs keep their access.</p>
        <button class="primary" type="submit">
          {words}
        </button>
      </form>
    </details>
  );
}
