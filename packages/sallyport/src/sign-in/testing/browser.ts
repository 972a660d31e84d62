/** A browser for tests without one: keeps cookies by name and path, sends forms as our pages do, follows nothing by itself. */
export interface TestBrowser {
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Page>;
  /** Sends the form of `page` whose action ends in `action`, its hidden fields and `fields`. */
  submit(page: Page, action: string, fields?: Readonly<Record<string, string>>): Promise<Page>;
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Page>;
  /** A request as this browser would send it to `path`. */
  request(path: string): Request;
  readonly cookies: Map<string, { readonly value: string; readonly path: string; readonly line: string }>;
}

export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  readonly location: string;
}

export function createTestBrowser(
  origin: string,
  fetch: (request: Request) => Response | Promise<Response>,
): TestBrowser {
  const cookies: TestBrowser["cookies"] = new Map();
  const request = (path: string, init: RequestInit = {}) => {
    const url = new URL(path, origin);
    const sent = [...cookies]
      .filter(([, cookie]) => `${url.pathname}/`.startsWith(cookie.path === "/" ? "/" : `${cookie.path}/`))
      .map(([name, { value }]) => `${name}=${value}`);
    const headers = new Headers({ accept: "text/html,*/*;q=0.8", ...Object.fromEntries(new Headers(init.headers)) });
    if (sent.length > 0) headers.set("cookie", sent.join("; "));
    return new Request(url, { ...init, headers });
  };
  const load = async (made: Request): Promise<Page> => {
    const answer = await fetch(made);
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = "", path = "/"] = /^([^=]+)=([^;]*); Path=([^;]+)/.exec(line) ?? [];
      if (line.includes("Max-Age=0;")) cookies.delete(name);
      else cookies.set(name, { value, path, line });
    }
    return {
      status: answer.status,
      headers: answer.headers,
      html: await answer.text(),
      location: answer.headers.get("location") ?? "",
    };
  };
  const post: TestBrowser["post"] = (path, fields, headers = {}) =>
    load(
      request(path, {
        method: "POST",
        body: new URLSearchParams(fields).toString(),
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          origin: "null",
          "sec-fetch-site": "same-origin",
          ...headers,
        },
      }),
    );
  return {
    cookies,
    request,
    post,
    get: (path, headers = {}) => load(request(path, { headers })),
    submit: (page, action, fields = {}) => {
      const form = formsOf(page.html).find((candidate) => candidate.action.endsWith(action));
      if (form === undefined) throw new Error(`no form ${action} in ${page.status} ${page.html}`);
      return post(form.action, { ...form.fields, ...fields });
    },
  };
}

/** The forms of a page with their hidden and preset fields. */
function formsOf(html: string): { readonly action: string; readonly fields: Readonly<Record<string, string>> }[] {
  return [...html.matchAll(/<form [^>]*action="([^"]*)"[^>]*>(.*?)<\/form>/gs)].map(([, action = "", body = ""]) => ({
    action: unescapeHtml(action),
    fields: Object.fromEntries(
      [...body.matchAll(/<input[^>]*>/g)].map(([input]) => [attribute(input, "name"), attribute(input, "value")]),
    ),
  }));
}

function attribute(tag: string, name: string): string {
  return unescapeHtml(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? "");
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
