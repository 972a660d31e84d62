import { ErrorSummary, Hidden, type Problem, Shell } from "../sign-in/page.js";
import type { Site } from "../sign-in/site.js";
import { CONNECT_PATH } from "./connection-paths.js";

export interface ConnectPageProps {
  readonly site: Site;
  readonly csrf: string;
  readonly user: string;
  readonly name: string;
  readonly title: string;
  readonly scopes: readonly string[];
  readonly usedBy: readonly string[];
  readonly connected: boolean;
  readonly problem: Problem | undefined;
}

export function ConnectPage({ site, csrf, user, name, title, scopes, usedBy, connected, problem }: ConnectPageProps) {
  return (
    <Shell site={site} title={problem === undefined ? `Connect ${title}` : `Error: connect ${title}`}>
      <h1>Connect {title}</h1>
      <ErrorSummary problem={problem} />
      <p>
        A call of yours needs <strong>your own account at {title}</strong>. You are <strong>{user}</strong> here; you
        will be sent to {title}, sign in there, and come back.
      </p>
      {connected ? <p class="note">You have connected {title} before. Going on replaces that.</p> : null}
      <h2>What happens then</h2>
      <ul>
        <li>
          {site.host} keeps the access that {title} gives it, sealed, and uses it for your calls to{" "}
          <strong>{usedBy.length === 0 ? "the servers behind it" : usedBy.join(", ")}</strong> only.
        </li>
        <li>The program that made the call never gets to see it.</li>
        <li>You can disconnect on your account page at any time.</li>
      </ul>
      {scopes.length === 0 ? null : (
        <>
          <h2>What is asked for there</h2>
          <ul>
            {scopes.map((scope) => (
              <li>
                <code>{scope}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      <form method="post" action={`${site.prefix}${CONNECT_PATH}/${name}`}>
        <Hidden values={{ csrf, scope: scopes.length === 0 ? undefined : scopes.join(" ") }} />
        <button class="primary" type="submit">
          Go to {title}
        </button>
      </form>
      <p class="soft">Did you not expect this? Then close this page: nothing has been connected.</p>
    </Shell>
  );
}

export function ConnectedPage(props: {
  readonly site: Site;
  readonly title: string;
  readonly usedBy: readonly string[];
}) {
  const { site, title, usedBy } = props;
  return (
    <Shell site={site} title={`${title} is connected`}>
      <h1>{title} is connected</h1>
      <p>
        Your calls to <strong>{usedBy.length === 0 ? "the servers behind this one" : usedBy.join(", ")}</strong> can use
        it now. Go back to your program and let it try again.
      </p>
      <p>
        <a href={`${site.prefix}/account`}>Your account</a>
      </p>
    </Shell>
  );
}
