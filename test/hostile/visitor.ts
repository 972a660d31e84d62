import { encodeForm, type Field, type Form, parseForms } from "../interop/form.js";

/** One page as a browser without scripts got it. */
export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  readonly forms: readonly Form[];
}

export interface SubmitOptions {
  readonly fill?: Readonly<Record<string, string>>;
  readonly ticked?: (field: Field) => boolean;
  /** Value of the button that is pressed. */
  readonly button?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A browser that an attacker or a victim drives step by step. Cookies do not know ports (RFC 6265 §8.5). */
export class Visitor {
  /** Host → name → value; paths are left out on purpose: what could be sent at all is what counts here. */
  readonly jar = new Map<string, Map<string, string>>();

  constructor(
    readonly credentials: { readonly code: () => string; userName?: string; readonly password?: string },
    private signedUp = false,
  ) {}

  /** What this browser would send to any program on that host. */
  cookiesFor(url: URL): string {
    return [...(this.jar.get(url.hostname) ?? [])].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  async open(url: string | URL, init: RequestInit = {}): Promise<Page> {
    const at = new URL(url);
    const headers = new Headers(init.headers);
    if (!headers.has("cookie")) headers.set("cookie", this.cookiesFor(at));
    const response = await fetch(at, { ...init, headers, redirect: "manual" });
    const jar = this.jar.get(at.hostname) ?? new Map<string, string>();
    this.jar.set(at.hostname, jar);
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const [name = "", value = ""] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      if (/max-age=0/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    const html = await response.text();
    return { url: at, status: response.status, headers: response.headers, html, forms: parseForms(html) };
  }

  /** Sends a form as a browser would from this page, or with what the options change. */
  submit(page: Page, form: Form, options: SubmitOptions = {}): Promise<Page> {
    const buttons = form.fields.filter(({ type }) => type === "submit");
    const button = buttons.find(({ value }) => value === options.button) ?? buttons[0];
    const body = encodeForm(form, options.fill ?? {}, { ticked: options.ticked ?? ((field) => field.checked), button });
    const headers = { origin: "null", "sec-fetch-site": "same-origin", ...options.headers };
    return this.open(new URL(form.action, page.url), { method: "POST", body, headers });
  }

  /** Signs in as far as asked and stops at the first page with a decision, an error, or an address elsewhere. */
  async walk(url: string | URL): Promise<Page> {
    let page = await this.open(url);
    for (let step = 0; step < 12; step++) {
      const next = nextAddress(page);
      if (next !== undefined && next.host !== page.url.host) return page;
      if (next !== undefined) page = await this.open(next);
      else {
        const filled = this.#signInForm(page);
        if (filled === undefined) return page;
        page = await this.submit(page, filled.form, { fill: filled.fill });
      }
    }
    throw new Error(`the visitor goes round in circles at ${page.url}`);
  }

  #signInForm({ forms, status }: Page): { readonly form: Form; readonly fill: Record<string, string> } | undefined {
    if (status >= 400) return undefined;
    const having = (test: (field: Field) => boolean) => forms.find(({ fields }) => fields.some(test));
    const password = this.credentials.password ?? "lantern quarry 41 heron velvet";
    const signIn = having(({ type, name }) => type === "text" && name === "username");
    if (signIn !== undefined && this.signedUp) {
      return { form: signIn, fill: { username: this.credentials.userName ?? "", password } };
    }
    const code = having(({ type, name }) => type === "text" && name === "code");
    if (code !== undefined) return { form: code, fill: { code: this.credentials.code() } };
    const setUp = having(({ type }) => type === "password");
    if (setUp === undefined) return undefined;
    this.credentials.userName ??= setUp.fields.find(({ name }) => name === "username")?.value ?? "";
    this.signedUp = true;
    return { form: setUp, fill: { password } };
  }
}

export function nextAddress({ status, headers, url }: Pick<Page, "status" | "headers" | "url">): URL | undefined {
  const location = status >= 300 && status < 400 ? headers.get("location") : undefined;
  const refresh = /^\s*\d+\s*;\s*url=(.*)$/i.exec(headers.get("refresh") ?? "")?.[1];
  const next = location ?? refresh;
  return next === undefined || next === null ? undefined : new URL(next, url);
}

/** The form with the buttons Allow and Deny. */
export function consentForm(page: Page): Form {
  const form = page.forms.find(({ fields }) => fields.some(({ name }) => name === "decision"));
  if (form === undefined) throw new Error(`no consent form at ${page.url} (${page.status}): ${page.html.slice(-800)}`);
  return form;
}
