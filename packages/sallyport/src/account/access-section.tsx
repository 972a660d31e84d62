import { showText } from "@sallyport/auth";
import type { Session } from "@sallyport/auth/authorization-server";
import { Hidden } from "../sign-in/page.js";
import type { ClientAccess, GrantAccess } from "./overview.js";
import { Moment } from "./time.js";

interface Use {
  /** Path prefix of the site. */
  readonly prefix: string;
  readonly csrf: string;
  /** Kept through the forms, so that what one may still change does not depend on the order of doing things. */
  readonly ticket: string | undefined;
  readonly now: number;
}

export function AccessSection({ clients, ...use }: Use & { readonly clients: readonly ClientAccess[] }) {
  return (
    <section aria-labelledby="access">
      <h2 id="access">Programs with access</h2>
      {clients.length === 0 ? (
        <p class="soft">No program can act for you. When one asks, you decide on a page of its own.</p>
      ) : (
        <ul class="list">
          {clients.map((client) => (
            <Client client={client} {...use} />
          ))}
        </ul>
      )}
      {clients.length > 1 ? <RevokeAll {...use} /> : null}
    </section>
  );
}

function Client({ client, ...use }: Use & { readonly client: ClientAccess }) {
  return (
    <li>
      <div class="split">
        <h3>
          {client.name} <Known known={client.known} />
        </h3>
        <form method="post" action={`${use.prefix}/account/clients/revoke`}>
          <Hidden values={{ csrf: use.csrf, ticket: use.ticket, client_id: client.client_id }} />
          <button class="danger" type="submit">
            Remove access<span class="unseen"> of {client.name}</span>
          </button>
        </form>
      </div>
      {client.grants.map((grant) => (
        <Granted grant={grant} />
      ))}
      {client.sentBy.length === 0 ? null : (
        <p class="soft">
          {client.grants.length === 0 ? "It acts" : "It acts, besides,"} for{" "}
          {client.sentBy.map((name) => `“${name}”`).join(" and ")}, with a part of what that may do. Remove the access
          there to end both.
        </p>
      )}
      {client.sessions.length === 0 ? <p class="soft">Not signed in anywhere at the moment.</p> : null}
      {client.sessions.map((session) => (
        <LiveSession session={session} {...use} />
      ))}
    </li>
  );
}

function Known({ known }: Pick<ClientAccess, "known">) {
  if (known.kind === "domain") return <span class="tag good">verified: {known.domain}</span>;
  if (known.kind === "operator") return <span class="tag good">set up by the operator</span>;
  return known.kind === "unverified" ? <span class="tag warn">name not verified</span> : null;
}

function Granted({ grant }: { readonly grant: GrantAccess }) {
  return (
    <div class="granted">
      <p>
        On <strong>{grant.server}</strong> it may:
      </p>
      <ul class="scopes">
        {grant.scopes.map(({ scope, title, description }) => (
          <li>
            {title}
            {title === scope ? null : (
              <>
                {" "}
                <code>{scope}</code>
              </>
            )}
            {description === undefined ? null : <p class="soft">{description}</p>}
          </li>
        ))}
        {grant.calls.map((call) => (
          <SingleCall call={call} />
        ))}
      </ul>
    </div>
  );
}

/** What was agreed to on the consent page, in the same words. */
function SingleCall({ call: { tools, often, conditions, others } }: { readonly call: GrantAccess["calls"][number] }) {
  const list = conditions.map(({ name, words }) => `${showText(name)} ${words}`).join("; ");
  return (
    <li>
      Call <code>{tools.map(showText).join(" or ")}</code> {often}
      <p class="soft">
        {conditions.length === 0 ? null : (
          <>
            with <code>{list}</code>{" "}
          </>
        )}
        {others}
      </p>
    </li>
  );
}

function LiveSession({ session, prefix, csrf, ticket, now }: Use & { readonly session: Session }) {
  return (
    <div class="split sub">
      <p>
        <strong>{session.label}</strong>
        <br />
        <span class="soft">
          Began <Moment at={session.created} now={now} />, last used <Moment at={session.last_used} now={now} />, ends{" "}
          <Moment at={Math.min(session.idle_expires, session.expires)} now={now} />
          {session.idle_expires < session.expires ? " unless it is used." : "."}
        </span>
      </p>
      <form method="post" action={`${prefix}/account/sessions/end`}>
        <Hidden values={{ csrf, ticket, session_id: session.id }} />
        <button type="submit">
          End session<span class="unseen"> {session.label}</span>
        </button>
      </form>
    </div>
  );
}

function RevokeAll({ prefix, csrf, ticket }: Use) {
  return (
    <details class="more">
      <summary>Remove the access of every program…</summary>
      <p class="soft">All of them have to ask you again. Calls that are running now are cut off.</p>
      <form method="post" action={`${prefix}/account/revoke-all`}>
        <Hidden values={{ csrf, ticket }} />
        <button class="danger" type="submit">
          Remove all access
        </button>
      </form>
    </details>
  );
}
