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

/** A connection was asked for by the person; a sign-in is kept because the operator wants it, and the person may end it. */
const WORDS = {
  account: {
    ...{ begin: "Connect", end: "Disconnect", since: "Connected", nothing: "Not connected." },
    ended: "It was ended over there: connect it again to go on.",
    use: "Used for your calls to",
  },
  "sign-in": {
    ...{ begin: "Sign in there", end: "End", since: "Kept since you signed in", nothing: "Nothing is kept." },
    ended: "It was ended over there: sign in again to go on.",
    use: "What it gave for you is kept, sealed, and exchanged for your calls to",
  },
} as const;

function System({ system, prefix, csrf, ticket, now }: Use & { readonly system: ConnectedSystem }) {
  const { kind, connection, title, connectPath, scopes, usedBy, state, since } = system;
  const words = WORDS[kind];
  return (
    <li>
      <div class="split">
        <h3>
          {title} {kind === "sign-in" ? <span class="tag">sign-in</span> : null}{" "}
          {state === "ended" ? <span class="tag warn">ended there</span> : null}
        </h3>
        {state === "connected" ? (
          <form method="post" action={`${prefix}/account/connections/remove`}>
            <Hidden values={{ csrf, ticket, connection }} />
            <button class="danger" type="submit">
              {words.end}
              <span class="unseen"> {title}</span>
            </button>
          </form>
        ) : (
          <a class="button" href={prefix + connectPath}>
            {words.begin}
            <span class="unseen"> {title}</span>
          </a>
        )}
      </div>
      <p class="soft">
        {usedBy.length === 0 ? "No server uses it. " : `${words.use} ${usedBy.join(", ")}. `}
        {state === "connected" && since !== undefined ? (
          <>
            {words.since} <Moment at={since} now={now} />.
          </>
        ) : null}
        {state === "open" ? words.nothing : null}
        {state === "ended" ? words.ended : null}
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
