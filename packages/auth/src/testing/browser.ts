/** A form of a page, as a person without a mouse would fill it in. */
export interface TestForm {
  readonly action: string;
  readonly method: string;
  /** Names and values as they would be sent if nothing were changed: hidden fields and ticked boxes. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Reads pages as far as tests need it: it finds the one form and sends it from its own origin. It keeps no cookies. */
export interface TestBrowser {
  readForm(page: Response): Promise<TestForm & { readonly text: string; readonly url: string }>;
  /** Sends the form of `page` with these buttons or boxes; `scope` and `detail` replace what was ticked. */
  submit(
    page: Response,
    change: {
      readonly decision: "approve" | "deny";
      readonly scope?: readonly string[];
      readonly detail?: readonly string[];
    },
    origin: string,
  ): Promise<Response>;
}

export function createTestBrowser(fetch: (url: string, init?: RequestInit) => Promise<Response>): TestBrowser {
  const readForm: TestBrowser["readForm"] = async (page) => {
    const text = await page.clone().text();
    const [, opening = "", content = ""] = /<form ([^>]*)>(.*?)<\/form>/s.exec(text) ?? [];
    const { method = "get", action = "" } = attributes(opening);
    const inputs = [...content.matchAll(/<input ([^>]*)>/g)].map(([, source = ""]) => attributes(source));
    const sent = inputs.filter(({ type, checked }) => type === "hidden" || checked !== undefined);
    return { text, url: page.url, method, action, fields: sent.map(({ name = "", value = "" }) => [name, value]) };
  };
  return {
    readForm,
    async submit(page, { decision, ...ticked }, origin) {
      const { action, fields } = await readForm(page);
      const kept = fields.filter(([name]) => !Object.hasOwn(ticked, name));
      const body = new URLSearchParams(kept.map(([name, value]) => [name, value]));
      for (const [name, values] of Object.entries(ticked)) for (const each of values) body.append(name, each);
      body.append("decision", decision);
      const headers = { origin: "null", "sec-fetch-site": "same-origin" };
      return fetch(new URL(action, origin).href, { method: "POST", body, headers });
    },
  };
}

function attributes(source: string): Record<string, string> {
  const found = [...source.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)];
  return Object.fromEntries(found.map(([, name = "", value = ""]) => [name, unescapeHtml(value)]));
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}
