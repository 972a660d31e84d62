import { Hidden } from "../sign-in/page.js";
import type { ConnectedSystem } from "./overview.js";
import { Moment } from "./time.js";

interface Use {
  readonly prefix: string;
  readonly csrf: string;
  readonly ticket: string | undefined;
  readonly now: number;
}

/** Accounts of the person at other systems, that servers here use for their calls. Nothing where none is configured. */
export function ConnectedSection({ connected, ...use }: Use & { readonly connected: readonly ConnectedSystem[] }) {
  if (connected.length === 0) return null;
  return (
    <section aria-labelledby="connected">
      <h2 id="connected">Connected systems</h2>
      <ul class="list">
        {connected.map((system) => (
          <System system={system} {...use} />
        ))}
      </ul>
    </section>
  );
}

function System({ system, prefix, csrf, ticket, now }: Use & { readonly system: ConnectedSystem }) {
  const { connection, title, connectPath, scopes, usedBy, state, since } = system;
  return (
    <li>
      <div class="split">
        <h3>
          {title} {state === "ended" ? <span class="tag warn">ended there</span> : null}
        </h3>
        {state === "connected" ? (
          <form method="post" action={`${prefix}/account/connections/remove`}>
            <Hidden values={{ csrf, ticket, connection }} />
            <button class="danger" type="submit">
              Disconnect<span class="unseen"> {title}</span>
            </button>
          </form>
        ) : (
          <a class="button" href={prefix + connectPath}>
            Connect<span class="unseen"> {title}</span>
          </a>
        )}
      </div>
      <p class="soft">
        {usedBy.length === 0 ? "No server uses it." : `Used for your calls to ${usedBy.join(", ")}. `}
        {state === "connected" && since !== undefined ? (
          <>
            Connected <Moment at={since} now={now} />.
          </>
        ) : null}
        {state === "open" ? "Not connected." : null}
      </p>
      {state === "connected" && scopes.length > 0 ? (
        <p class="soft">
          It may use:{" "}
          {scopes.map((scope) => (
            <>
              <code>{scope}</code>{" "}
            </>
          ))}
        </p>
      ) : null}
    </li>
  );
}
