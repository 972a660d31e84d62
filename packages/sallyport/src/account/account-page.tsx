import { ErrorSummary, Hidden, Shell } from "../sign-in/page.js";
import { AccessSection } from "./access-section.js";
import { ConnectedSection } from "./connected-section.js";
import { type CredentialsProps, CredentialsSection } from "./credentials-section.js";
import type { ClientAccess, ConnectedSystem } from "./overview.js";

export interface AccountPageProps extends CredentialsProps {
  readonly clients: readonly ClientAccess[];
  readonly connected: readonly ConnectedSystem[];
  /** What was just done. */
  readonly notice: string | undefined;
}

export function AccountPage({ clients, connected, notice, ...props }: AccountPageProps) {
  const { site, csrf, now, user, problem } = props;
  return (
    <Shell
      site={site}
      title={problem === undefined ? "Your account" : "Error: your account"}
      wide
      script={props.ceremony !== undefined}
    >
      <div class="split">
        <div>
          <h1>Your account</h1>
          <p class="soft">
            Signed in as <strong>{user.name}</strong>
            {user.owner ? ", the owner of this installation" : ""}
          </p>
        </div>
        <form method="post" action={`${site.prefix}/account/sign-out`}>
          <Hidden values={{ csrf }} />
          <button type="submit">Sign out</button>
        </form>
      </div>
      {notice === undefined ? null : (
        <p class="note" role="status">
          {notice}
        </p>
      )}
      <ErrorSummary problem={problem} />
      <AccessSection prefix={site.prefix} csrf={csrf} ticket={props.ticket} now={now} clients={clients} />
      <ConnectedSection prefix={site.prefix} csrf={csrf} ticket={props.ticket} now={now} connected={connected} />
      <CredentialsSection {...props} />
      <section aria-labelledby="allowed">
        <h2 id="allowed">Is that allowed?</h2>
        <p>
          <a href={`${site.prefix}/account/explain`}>Ask whether a call is allowed</a>, and what would change the
          answer.
        </p>
      </section>
      {site.secure ? null : <footer>On this address a sign-in to the account page lasts five minutes.</footer>}
    </Shell>
  );
}
