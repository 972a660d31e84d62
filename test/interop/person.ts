import { encodeForm, type Field, type Form, parseForms } from "./form.js";

export interface PersonOptions {
  /** The one-time code, asked for when a page wants it. */
  code(): string;
  /** Default: a long one. Set on the first sign-in and typed from then on. */
  readonly password?: string;
  readonly userName?: string;
}

export interface Answer {
  /** Which scopes to tick of those offered; default: what the page has ticked. */
  readonly scopes?: readonly string[] | "all";
  /** Default true. */
  readonly approve?: boolean;
}

/** Somebody with a browser without scripts: signs in, reads the consent page, answers it. Cookies stay from visit to visit. */
export interface Person {
  /** Follows an authorization request to its end: the URL on which the client gets its answer. Never fetches that URL. */
  visit(authorizationUrl: string | URL, answer?: Answer): Promise<URL>;
  /** The consent pages that were shown, as HTML. */
  readonly consentPages: readonly string[];
  /** Where the person was, page by page, for failure messages. */
  readonly trail: readonly string[];
}

const STEPS_LIMIT = 15;

export function createPerson(options: PersonOptions): Person {
  const cookies = createCookieJar();
  const trail: string[] = [];
  const consentPages: string[] = [];
  const known = {
    userName: options.userName,
    password: options.password ?? "lantern quarry 41 heron velvet",
    hasPassword: false,
  };

  async function open(url: URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    const cookie = cookies.header(url);
    if (cookie !== "") headers.set("cookie", cookie);
    headers.set("accept", "text/html");
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    cookies.store(url, response);
    trail.push(`${init.method ?? "GET"} ${url.origin}${url.pathname} → ${response.status}`);
    return response;
  }

  /** Which form of the page is for this person now, and what they type into it. */
  function fillIn(
    forms: readonly Form[],
    answer: Answer,
  ): { form: Form; body: URLSearchParams; consent: boolean } | undefined {
    const having = (name: string) => forms.find(({ fields }) => fields.some((field) => field.name === name));
    const withField = (test: (field: Field) => boolean) => forms.find(({ fields }) => fields.some(test));
    const plain = { ticked: (field: Field) => field.checked, button: undefined };

    const signIn = withField(({ type, name }) => type === "text" && name === "username");
    if (signIn !== undefined && known.hasPassword) {
      const fill = { username: known.userName ?? "", password: known.password };
      return { form: signIn, body: encodeForm(signIn, fill, plain), consent: false };
    }
    const code = withField(({ type, name }) => type === "text" && name === "code");
    if (code !== undefined)
      return { form: code, body: encodeForm(code, { code: options.code() }, plain), consent: false };

    const setUp = withField(({ type }) => type === "password");
    if (setUp !== undefined) {
      known.userName ??= setUp.fields.find(({ name }) => name === "username")?.value;
      known.hasPassword = true;
      return { form: setUp, body: encodeForm(setUp, { password: known.password }, plain), consent: false };
    }
    const consent = withField(({ type }) => type === "checkbox") ?? having("decision") ?? having("action");
    return consent === undefined ? undefined : { form: consent, body: answerConsent(consent, answer), consent: true };
  }

  return {
    consentPages,
    trail,
    async visit(authorizationUrl, answer = {}) {
      let url = new URL(authorizationUrl);
      const home = url.origin;
      let response = await open(url);
      for (let step = 0; step < STEPS_LIMIT; step++) {
        const next = nextAddress(response);
        if (next !== undefined) {
          await response.body?.cancel();
          url = new URL(next, url);
          // The client's own address; it is the client that reads it.
          if (url.origin !== home) return url;
          response = await open(url);
          continue;
        }
        const html = await response.text();
        const filled = fillIn(parseForms(html), answer);
        if (response.status >= 400 || filled === undefined) throw new Error(lost(trail, response.status, html));
        if (filled.consent) consentPages.push(html);
        url = new URL(filled.form.action, url);
        // What a browser says of a form on a page without referrers (Fetch §3.2: the origin of such a POST is `null`).
        const headers = {
          origin: response.headers.get("referrer-policy") === "no-referrer" ? "null" : home,
          "sec-fetch-site": "same-origin",
        };
        response = await open(url, { method: "POST", body: filled.body, headers });
      }
      throw new Error(lost(trail, response.status, await response.text()));
    },
  };
}

function answerConsent(form: Form, answer: Answer): URLSearchParams {
  const wanted = answer.scopes;
  const ticked = ({ value, checked }: Field) =>
    wanted === undefined ? checked : wanted === "all" || wanted.includes(value);
  const buttons = form.fields.filter(({ type }) => type === "submit");
  const refuses = ({ value, name }: Field) => /deny|refuse|cancel|reject|^no$/i.test(`${name} ${value}`);
  const button = buttons.find((field) => refuses(field) !== (answer.approve ?? true));
  return encodeForm(form, {}, { ticked, button });
}

function nextAddress(response: Response): string | undefined {
  const location = response.headers.get("location");
  if (response.status >= 300 && response.status < 400 && location !== null) return location;
  return /^\s*\d+\s*;\s*url=(.*)$/i.exec(response.headers.get("refresh") ?? "")?.[1];
}

function lost(trail: readonly string[], status: number, html: string): string {
  const text = html
    .replace(/<(style|script)\b[\s\S]*?<\/\1>/gi, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return `the person does not know how to go on (status ${status}) after\n  ${trail.join("\n  ")}\n${text.slice(0, 1500)}`;
}

interface Cookie {
  readonly host: string;
  readonly path: string;
  readonly name: string;
  readonly value: string;
}

/** Cookies by host and path, as browsers keep them: the port does not count (RFC 6265 §8.5). */
function createCookieJar() {
  const jar = new Map<string, Cookie>();
  return {
    header: (url: URL) =>
      [...jar.values()]
        .filter(
          ({ host, path }) =>
            host === url.hostname && (url.pathname === path || url.pathname.startsWith(path.replace(/\/?$/, "/"))),
        )
        .map(({ name, value }) => `${name}=${value}`)
        .join("; "),
    store: (url: URL, response: Response) => {
      for (const line of response.headers.getSetCookie()) {
        const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
        const [name = "", value = ""] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
        const attribute = (key: string) =>
          attributes.find((one) => one.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
        const path = attribute("path") ?? "/";
        const key = `${url.hostname} ${path} ${name}`;
        const gone =
          Number(attribute("max-age") ?? 1) <= 0 || Date.parse(attribute("expires") ?? "9999-01-01") < Date.now();
        if (gone) jar.delete(key);
        else jar.set(key, { host: url.hostname, path, name, value });
      }
    },
  };
}
