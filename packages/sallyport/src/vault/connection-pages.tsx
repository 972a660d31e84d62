import { checkToken, formToken, readForm } from "../sign-in/form.js";
import { derive } from "../sign-in/hash.js";
import type { Kit, PageRow } from "../sign-in/kit.js";
import { continuePage } from "../sign-in/message-page.js";
import { respond } from "../sign-in/page.js";
import { PageRefusal } from "../sign-in/refusal.js";
import { hasCredential, type SignedIn } from "../sign-in/sessions.js";
import { toSignIn } from "../sign-in/set-up-routes.js";
import { ConnectedPage, ConnectPage } from "./connect-page.js";
import { CONNECTION_ERRORS, ConnectionError } from "./connection-error.js";
import { CONNECT_PATH, CONNECTION_CALLBACK } from "./connection-paths.js";
import type { ConnectionStore } from "./contract.js";
import type { Provider } from "./provider.js";
import type { Vault } from "./vault.js";

const FINISH_PATH = "/account/connections/finish";

export interface ConnectionPagesOptions {
  readonly vault: Pick<Vault, "connect">;
  readonly store: ConnectionStore;
  readonly providers: ReadonlyMap<string, Provider>;
  /** Titles of the servers that use a connection, for the person. */
  usedBy(connection: string): readonly string[];
}

/**
 * Connecting an account at another system (R-44…R-46): the person opens the address that a call answered, signs in here, reads what it
 * is about, and only then is sent on. The flow is bound to the browser session it began in and to its person; the answer brought by
 * anybody else finds nothing. What comes back never reaches the program that asked.
 */
export function connectionPages(options: ConnectionPagesOptions): readonly PageRow[] {
  const row = (method: "GET" | "POST", path: string, page: PageOf): PageRow => ({
    method,
    path,
    page: (kit, request) => page({ kit, request, options }),
  });
  return [
    row("GET", `${CONNECT_PATH}/:name`, show),
    row("POST", `${CONNECT_PATH}/:name`, start),
    row("GET", CONNECTION_CALLBACK, comeBack),
    row("GET", FINISH_PATH, finish),
  ];
}

interface Visit {
  readonly kit: Kit;
  readonly request: Request;
  readonly options: ConnectionPagesOptions;
}

type PageOf = (visit: Visit) => Promise<Response>;

async function show(visit: Visit): Promise<Response> {
  const { request, options } = visit;
  const provider = providerOf(visit);
  const { pathname, search, searchParams } = new URL(request.url);
  const who = await signedIn(visit, pathname + search);
  if (who instanceof Response) return who;
  const scopes = askedScopes(provider, searchParams.get("scope"));
  const known = await options.store.find(who.user.sub, provider.name);
  return render(visit, { who, provider, scopes, connected: known?.tokens !== undefined, status: 200 });
}

async function start(visit: Visit): Promise<Response> {
  const { kit, request } = visit;
  const provider = providerOf(visit);
  const form = await readForm(request, kit.site);
  const who = await signedIn(visit, `${kit.site.prefix}${CONNECT_PATH}/${provider.name}`);
  if (who instanceof Response) return who;
  checkToken(form, who.session.csrf_secret);
  await kit.limit.count("page", kit.address(request));
  const scopes = askedScopes(provider, form.get("scope") ?? null);
  const secret = secretOf(who);
  const flow = kit.foreignFlows.begin(secret, false);
  try {
    const url = await provider.start(flow, scopes);
    await kit.foreignFlows.save(secret, flow, { connection: provider.name, sub: who.user.sub });
    return continuePage(kit.site, url.href);
  } catch (error) {
    return explain(visit, { who, provider, scopes, error });
  }
}

/** From another site a Strict cookie is left out; the page goes on to {@link finish} by itself, as the same site. */
async function comeBack({ kit, request }: Visit): Promise<Response> {
  return continuePage(kit.site, `${kit.site.prefix}${FINISH_PATH}${new URL(request.url).search}`);
}

async function finish(visit: Visit): Promise<Response> {
  const { kit, request, options } = visit;
  const { search, searchParams } = new URL(request.url);
  const who = await signedIn(visit, `${kit.site.prefix}/account`);
  if (who instanceof Response) return who;
  const states = searchParams.getAll("state");
  const found = states.length === 1 ? await kit.foreignFlows.take(secretOf(who), states[0]) : undefined;
  const { connection = "", sub } = found?.remembered ?? {};
  const provider = options.providers.get(connection);
  // who comes back is who went.
  if (found === undefined || provider === undefined || sub !== who.user.sub) throw new PageRefusal("connection_stale");
  try {
    await options.vault.connect(sub, connection, await provider.finish(search, found.flow));
    kit.system.log("info", "connected", { sub, connection });
    const page = <ConnectedPage site={kit.site} title={provider.title} usedBy={options.usedBy(connection)} />;
    return respond(page);
  } catch (error) {
    return explain(visit, { who, provider, scopes: provider.scopes, error });
  }
}

function providerOf({ request, options }: Visit): Provider {
  const name = new URL(request.url).pathname.split("/").at(-1) ?? "";
  const provider = options.providers.get(name);
  if (provider === undefined) throw new PageRefusal("unknown_page");
  return provider;
}

async function signedIn({ kit, request }: Visit, returnTo: string): Promise<SignedIn | Response> {
  const who = await kit.sessions.find(request, kit.sessions.purpose("account"));
  if (who !== undefined && (await hasCredential(kit.storage, who.user))) return who;
  return toSignIn(kit, { returnTo, flow: undefined });
}

/** Of this browser's session: nobody else can finish what began in it. */
function secretOf({ session }: SignedIn): string {
  return derive(session.csrf_secret, "connect");
}

/** What the address wants, as far as the configuration lets it be asked for; without, what the configuration asks for. */
function askedScopes({ scopes, moreScopes }: Provider, wanted: string | null): readonly string[] {
  const more = new Set((wanted ?? "").split(" "));
  return [...scopes, ...moreScopes.filter((scope) => more.has(scope) && !scopes.includes(scope))];
}

interface Shown {
  readonly who: SignedIn;
  readonly provider: Provider;
  readonly scopes: readonly string[];
}

async function explain(visit: Visit, { error, ...shown }: Shown & { readonly error: unknown }): Promise<Response> {
  if (!(error instanceof ConnectionError)) throw error;
  const { status, text } = CONNECTION_ERRORS[error.reason];
  visit.kit.system.log("warn", "not connected", { connection: shown.provider.name, reason: error.message });
  const problem = { text: `${text(shown.provider.title)} (${error.reason})` };
  return render(visit, { ...shown, connected: false, status, problem });
}

async function render(
  { kit, options }: Visit,
  {
    who,
    provider,
    ...shown
  }: Shown & {
    readonly connected: boolean;
    readonly status: number;
    readonly problem?: { readonly text: string };
  },
): Promise<Response> {
  const { status, problem, ...rest } = shown;
  const page = (
    <ConnectPage
      site={kit.site}
      csrf={formToken(who.session.csrf_secret)}
      user={who.user.name}
      name={provider.name}
      title={provider.title}
      usedBy={options.usedBy(provider.name)}
      problem={problem}
      {...rest}
    />
  );
  return respond(page, { status });
}
