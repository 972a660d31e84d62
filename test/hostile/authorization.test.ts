import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  CALLBACK,
  createPkce,
  FORM_TYPE,
  form,
  type Ground,
  JSON_TYPE,
  type Pkce,
  prepareGround,
  titled,
} from "./ground.js";
import { consentForm, nextAddress, type Page } from "./visitor.js";

/* The authorization endpoint, codes and refresh tokens, as somebody uses them who wants another person's. */
let ground: Ground;
let client_id: string;
let web: string;

beforeAll(async () => {
  ground = await prepareGround();
  client_id = await ground.register();
  web = await ground.register({
    client_name: "Web",
    redirect_uris: ["https://client.example/cb"],
    application_type: "web",
  });
});
afterAll(() => ground.close());

type Change = Readonly<Record<string, string | undefined>>;

interface Redirection {
  readonly title: string;
  readonly redirect_uri: string | undefined;
  readonly of?: "web";
}

const REDIRECTIONS: readonly Redirection[] = [
  { title: "another site", redirect_uri: "https://evil.example/cb" },
  { title: "none at all", redirect_uri: undefined },
  { title: "a path below", redirect_uri: `${CALLBACK}/more` },
  { title: "another path", redirect_uri: "http://127.0.0.1:49152/evil" },
  { title: "a query more", redirect_uri: `${CALLBACK}?next=https://evil.example` },
  { title: "a fragment", redirect_uri: `${CALLBACK}#x` },
  { title: "localhost for 127.0.0.1", redirect_uri: "http://localhost:49152/callback" },
  { title: "https for http", redirect_uri: "https://127.0.0.1:49152/callback" },
  { title: "a port that is none", redirect_uri: "http://127.0.0.1:99999/callback" },
  { title: "a host behind user information", redirect_uri: "http://127.0.0.1:49152@evil.example/callback" },
  { title: "loopback as user information", redirect_uri: "http://127.0.0.1@evil.example/callback" },
  { title: "loopback as a label", redirect_uri: "http://127.0.0.1.evil.example/callback" },
  { title: "loopback in octal", redirect_uri: "http://0177.0.0.1/callback" },
  { title: "a backslash", redirect_uri: "http://127.0.0.1:49152\\@evil.example/callback" },
  { title: "a tab", redirect_uri: "http://127.0.0.1:49152/call\tback" },
  { title: "dot segments", redirect_uri: "http://127.0.0.1:49152/x/../callback" },
  { title: "encoded", redirect_uri: "http://127.0.0.1:49152/%63allback" },
  { title: "javascript:", redirect_uri: "javascript:alert(1)" },
  { title: "a relative one", redirect_uri: "/callback" },
  { title: "without a scheme", redirect_uri: "//evil.example/cb" },
  { title: "web: another port", redirect_uri: "https://client.example:444/cb", of: "web" },
  { title: "web: a subdomain", redirect_uri: "https://evil.client.example/cb", of: "web" },
  { title: "web: a longer host", redirect_uri: "https://client.example.evil.example/cb", of: "web" },
  { title: "web: capitals", redirect_uri: "https://CLIENT.example/cb", of: "web" },
  { title: "web: a dot behind the host", redirect_uri: "https://client.example./cb", of: "web" },
  { title: "web: a slash more", redirect_uri: "https://client.example/cb/", of: "web" },
  { title: "web: http", redirect_uri: "http://client.example/cb", of: "web" },
  { title: "web: loopback, which it never registered", redirect_uri: CALLBACK, of: "web" },
];

describe("authz-redirect-unvalidated: an address that was not registered is a page, never a redirect", () => {
  test.each(titled(REDIRECTIONS))("%s", async (_, { redirect_uri, of }) => {
    const url = ground.authorizationUrl(of === "web" ? web : client_id, createPkce(), { redirect_uri });
    const page = await ground.owner.open(url);
    expect(page.status).toBe(400);
    expect(page.headers.get("location")).toBeNull();
    expect(page.headers.get("refresh")).toBeNull();
  });

  test("two redirect URIs in one request", async () => {
    const url = ground.authorizationUrl(client_id, createPkce());
    const page = await ground.owner.open(`${url}&redirect_uri=${encodeURIComponent("https://evil.example/")}`);
    expect({ status: page.status, location: page.headers.get("location") }).toEqual({ status: 400, location: null });
  });

  test("a client that does not exist, and a name from a page that is not https", async () => {
    for (const unknown of ["nobody", "http://evil.example/client", "https://127.0.0.1/client", "javascript:alert(1)"]) {
      const page = await ground.owner.open(ground.authorizationUrl(unknown, createPkce()));
      expect(page.status, unknown).toBeGreaterThanOrEqual(400);
      expect(page.headers.get("location"), unknown).toBeNull();
    }
  });

  test("cimd-ssrf: documents at special-use addresses are not fetched", async () => {
    ground.upstream.forget();
    const { port } = new URL(ground.upstream.url);
    for (const host of [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `[::1]:${port}`,
      `[::ffff:127.0.0.1]:${port}`,
      "169.254.169.254",
      "10.0.0.1",
      "0.0.0.0",
    ]) {
      const page = await ground.owner.open(ground.authorizationUrl(`https://${host}/client.json`, createPkce()));
      expect(page.status, host).toBeGreaterThanOrEqual(400);
    }
    expect(ground.upstream.arrived).toEqual([]);
  });

  test.each([
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "/consent/../../evil",
    "javascript:alert(1)",
    "/%2f%2fevil.example",
    "/sign-in",
  ])("open redirect: sign-in does not come back to %s", async (return_to) => {
    const page = await ground.owner.open(`${ground.program.issuer}/sign-in?${form({ return_to })}`);
    expect(page.html).not.toContain("evil.example");
    const answer = await ground.owner.open(`${ground.program.issuer}/sign-in/continue?${form({ return_to })}`);
    expect(answer.status).toBe(404);
    expect(answer.headers.get("refresh")).toBeNull();
  });
});

interface Broken {
  readonly title: string;
  readonly change: Change;
  readonly error: string;
}

const REQUESTS: readonly Broken[] = [
  {
    title: "pkce-optional: no challenge",
    change: { code_challenge: undefined, code_challenge_method: undefined },
    error: "invalid_request",
  },
  { title: "pkce-downgrade: plain", change: { code_challenge_method: "plain" }, error: "invalid_request" },
  {
    title: "pkce-downgrade: no method, which means plain",
    change: { code_challenge_method: undefined },
    error: "invalid_request",
  },
  { title: "pkce-downgrade: s256", change: { code_challenge_method: "s256" }, error: "invalid_request" },
  { title: "pkce-downgrade: a challenge of one letter", change: { code_challenge: "A" }, error: "invalid_request" },
  { title: "the implicit grant", change: { response_type: "token" }, error: "unsupported_response_type" },
  { title: "the hybrid flow", change: { response_type: "code id_token" }, error: "unsupported_response_type" },
  { title: "a response in the fragment", change: { response_mode: "fragment" }, error: "invalid_request" },
  {
    title: "an unsigned request object",
    change: { request: "eyJhbGciOiJub25lIn0.e30." },
    error: "request_not_supported",
  },
  {
    title: "a request object elsewhere",
    change: { request_uri: "https://evil.example/request" },
    error: "request_uri_not_supported",
  },
  {
    title: "resource-ignored: another resource",
    change: { resource: "https://other.example/mcp" },
    error: "invalid_target",
  },
  {
    title: "resource-ignored: a fragment",
    change: { resource: "https://other.example/mcp#x" },
    error: "invalid_target",
  },
  { title: "a scope with a line break", change: { scope: "mcp:read\nadmin" }, error: "invalid_scope" },
  { title: "a state of 5 KB", change: { state: "s".repeat(5_000) }, error: "invalid_request" },
];

describe("a broken request of a known client goes back to it with iss, and to nobody else", () => {
  test.each(titled(REQUESTS))("%s", async (_, { change, error }) => {
    const page = await ground.owner.open(ground.authorizationUrl(client_id, createPkce(), change));
    const location = new URL(page.headers.get("location") ?? "");
    expect(page.status).toBe(303);
    expect(location.origin + location.pathname).toBe(CALLBACK);
    expect(location.searchParams.get("error")).toBe(error);
    expect(location.searchParams.get("iss")).toBe(ground.program.issuer);
  });
});

async function codeFor(pkce: Pkce, id = client_id, change: Change = {}): Promise<string> {
  const page = await ground.owner.walk(ground.authorizationUrl(id, pkce, { scope: "mcp:write", ...change }));
  const done = await ground.owner.submit(page, consentForm(page), { button: "approve" });
  return nextAddress(done)?.searchParams.get("code") ?? "";
}

/** The refresh token is refused at once, the access token within two seconds. */
async function expectEnded(tokens: { readonly access_token: string; readonly refresh_token: string }): Promise<void> {
  const { access_token, refresh_token } = tokens;
  const refreshed = await ground.token({ grant_type: "refresh_token", refresh_token, client_id });
  expect({ status: refreshed.status, code: refreshed.code }).toEqual({ status: 400, code: "invalid_grant" });
  const headers = [["authorization", `Bearer ${access_token}`], JSON_TYPE] as const;
  const status = () => ground.ask({ headers }).then((answer) => answer.status);
  await expect.poll(status, { timeout: 2_000 }).toBe(401);
}

interface Redemption {
  readonly title: string;
  /** Parameters besides the right ones. */
  readonly change: () => Change | Promise<Change>;
  readonly status?: number;
  readonly code?: string;
}

const INVALID_REQUEST = { status: 400, code: "invalid_request" };
const REDEMPTIONS: readonly Redemption[] = [
  { title: "pkce-optional: without the verifier", change: () => ({ code_verifier: undefined }), ...INVALID_REQUEST },
  { title: "pkce-downgrade: the challenge as verifier", change: () => ({ code_verifier: "CHALLENGE" }) },
  { title: "pkce-downgrade: another verifier", change: () => ({ code_verifier: createPkce().verifier }) },
  { title: "code-client-unbound: another client", change: async () => ({ client_id: await ground.register() }) },
  {
    title: "code-client-unbound: a client that does not exist",
    change: () => ({ client_id: "nobody" }),
    status: 401,
    code: "invalid_client",
  },
  { title: "code-client-unbound: another redirect URI", change: () => ({ redirect_uri: "https://evil.example/cb" }) },
  {
    title: "code-client-unbound: the same redirect URI on another port",
    change: () => ({ redirect_uri: "http://127.0.0.1:50000/callback" }),
  },
  {
    title: "code-client-unbound: another resource",
    change: () => ({ resource: "https://other.example/mcp" }),
    code: "invalid_target",
  },
  { title: "a code of one's own making", change: () => ({ code: "a".repeat(43) }) },
  {
    title: "the code as a refresh token",
    change: () => ({ grant_type: "refresh_token", refresh_token: "CODE", code: undefined }),
  },
  { title: "the password grant", change: () => ({ grant_type: "password" }), code: "unsupported_grant_type" },
  {
    title: "client credentials of a public client",
    change: () => ({ grant_type: "client_credentials" }),
    code: "unsupported_grant_type",
  },
  { title: "an invented grant", change: () => ({ grant_type: "__proto__" }), code: "unsupported_grant_type" },
];

describe("codes and refresh tokens open for their own client alone", () => {
  test.each(titled(REDEMPTIONS))("%s", async (_, { change, status = 400, code = "invalid_grant" }) => {
    const pkce = createPkce();
    const good = {
      grant_type: "authorization_code",
      code: await codeFor(pkce),
      client_id,
      redirect_uri: CALLBACK,
      code_verifier: pkce.verifier,
    };
    const wanted = await change();
    const filled = Object.entries({ ...good, ...wanted })
      .map(
        ([name, value]) =>
          [name, value === "CHALLENGE" ? pkce.challenge : value === "CODE" ? good.code : value] as const,
      )
      .filter((pair): pair is [string, string] => pair[1] !== undefined);
    const answer = await ground.token(Object.fromEntries(filled));
    expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
    // Whoever has the code alone can not even burn it.
    expect((await ground.token(good)).status).toBe(200);
  });

  test("a parameter twice is nobody's parameter", async () => {
    const body = `${form({ grant_type: "authorization_code", code: "a", client_id, code_verifier: "b" })}&code=c`;
    const answer = await ground.ask({ path: "/token", headers: [FORM_TYPE], body });
    expect({ status: answer.status, code: answer.code }).toEqual({ status: 400, code: "invalid_request" });
  });

  test("code-replay: the second time ends what the first gave, within two seconds", async () => {
    const pkce = createPkce();
    const good = {
      grant_type: "authorization_code",
      code: await codeFor(pkce),
      client_id,
      redirect_uri: CALLBACK,
      code_verifier: pkce.verifier,
    };
    const first = JSON.parse((await ground.token(good)).text);
    const answer = await ground.token(good);
    expect({ status: answer.status, code: answer.code }).toEqual({ status: 400, code: "invalid_grant" });
    await expectEnded(first);
  });

  test("code-replay: twenty redemptions at once give tokens exactly once, and they are ended", async () => {
    const pkce = createPkce();
    const good = {
      grant_type: "authorization_code",
      code: await codeFor(pkce),
      client_id,
      redirect_uri: CALLBACK,
      code_verifier: pkce.verifier,
    };
    const answers = await Promise.all(Array.from({ length: 20 }, () => ground.token(good)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    for (const lost of answers.filter((answer) => answer !== won[0])) {
      expect({ status: lost.status, code: lost.code }).toEqual({ status: 400, code: "invalid_grant" });
    }
    // Whoever came second may be the one it was meant for: what the first was given has ended.
    await expectEnded(JSON.parse(won[0]?.text ?? ""));
  });

  test("token-long-lived: an access token says that it ends within the hour, and does what it says", async () => {
    const granted = await ground.grant(ground.owner, client_id, "mcp:read");
    const own = { grant_type: "refresh_token", refresh_token: granted.refresh_token, client_id };
    const renewed = JSON.parse((await ground.token(own)).text) as { access_token: string; expires_in: number };
    for (const { access_token } of [granted, renewed]) {
      const { iat = 0, exp = Number.POSITIVE_INFINITY } = decodeJwt(access_token);
      expect(exp - iat).toBeLessThanOrEqual(3_600);
    }
    expect(renewed.expires_in).toBeLessThanOrEqual(3_600);
    // The family ends as well, used or not: by its store, whatever anybody presents.
    const { sid } = decodeJwt<{ sid: string }>(renewed.access_token);
    const session = await ground.store.sessions.find(sid);
    const DAY = 86_400;
    expect((session?.expires ?? Number.POSITIVE_INFINITY) - (session?.created ?? 0)).toBeLessThanOrEqual(365 * DAY);
    expect((session?.idle_expires ?? Number.POSITIVE_INFINITY) - (session?.last_used ?? 0)).toBeLessThan(365 * DAY);
  });

  test("refresh-scope-widen: more scope, another resource, another client", async () => {
    const pkce = createPkce();
    const granted = await ground.grant(ground.owner, client_id, "mcp:read");
    const own = { grant_type: "refresh_token", refresh_token: granted.refresh_token, client_id };
    const asked = [
      [{ ...own, scope: "mcp:read mcp:write" }, "invalid_scope"],
      [{ ...own, resource: "https://other.example/mcp" }, "invalid_target"],
      [{ ...own, client_id: web }, "invalid_grant"],
      [{ ...own, client_id: web, resource: ground.program.mcpUrl }, "invalid_grant"],
      [{ ...own, refresh_token: pkce.verifier }, "invalid_grant"],
    ] as const;
    // The client consented to mcp:write before, under another session: the ceiling of this one is what counts.
    for (const [fields, code] of asked) {
      const answer = await ground.token(fields);
      expect({ status: answer.status, code: answer.code }, JSON.stringify(fields)).toEqual({ status: 400, code });
    }
    expect((await ground.token(own)).status).toBe(200);
  });

  test("refresh-no-rotation: twenty refreshes at once share one successor, and the one before last ends the session", async () => {
    const granted = await ground.grant(ground.owner, client_id, "mcp:read");
    const own = { grant_type: "refresh_token", client_id };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ground.token({ ...own, refresh_token: granted.refresh_token })),
    );
    const successors = new Set(answers.map(({ text }) => JSON.parse(text).refresh_token));
    expect(successors.size).toBe(1);
    const [successor = ""] = successors;
    expect((await ground.token({ ...own, refresh_token: successor })).status).toBe(200);
    const reused = await ground.token({ ...own, refresh_token: granted.refresh_token });
    expect({ status: reused.status, code: reused.code }).toEqual({ status: 400, code: "invalid_grant" });
    await expect
      .poll(
        () =>
          ground
            .ask({ headers: [["authorization", `Bearer ${granted.access_token}`], JSON_TYPE] })
            .then(({ status }) => status),
        { timeout: 2_000 },
      )
      .toBe(401);
  });

  test("one client can not revoke another's token, and learns nothing from trying", async () => {
    const granted = await ground.grant(ground.owner, client_id, "mcp:read");
    for (const token of [granted.refresh_token, granted.access_token, "nonsense"]) {
      const answer = await ground.ask({ path: "/revoke", headers: [FORM_TYPE], body: form({ token, client_id: web }) });
      expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: "" });
    }
    expect(
      (await ground.token({ grant_type: "refresh_token", refresh_token: granted.refresh_token, client_id })).status,
    ).toBe(200);
  });
});

async function openConsent(change: Change = {}, id = client_id): Promise<Page> {
  return ground.owner.walk(ground.authorizationUrl(id, createPkce(), { scope: "mcp:read", ...change }));
}

interface Tampering {
  readonly title: string;
  readonly fill?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
}

const TAMPERINGS: readonly Tampering[] = [
  { title: "authz-consent-csrf-clickjack: no token", fill: { csrf: "" }, status: 403 },
  { title: "authz-consent-csrf-clickjack: a token of the attacker's", fill: { csrf: "A".repeat(43) }, status: 403 },
  {
    title: "authz-consent-csrf-clickjack: posted from another site",
    headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    status: 403,
  },
  {
    title: "authz-consent-csrf-clickjack: posted from another port of this host",
    headers: { origin: "http://localhost:9", "sec-fetch-site": "same-site" },
    status: 403,
  },
  { title: "another pending request's id", fill: { request: "A".repeat(43) }, status: 400 },
  { title: "another resource", fill: { resource: "https://other.example/mcp" }, status: 303 },
  { title: "a decision that is none", fill: { decision: "__proto__" }, status: 400 },
];

describe("the consent page answers for the person who reads it, and for this request", () => {
  test.each(titled(TAMPERINGS))("%s", async (_, { fill = {}, headers = {}, status }) => {
    const page = await openConsent();
    const done = await ground.owner.submit(page, consentForm(page), { button: "approve", fill, headers });
    expect(done.status).toBe(status);
    if (status !== 303) expect(done.headers.get("location")).toBeNull();
  });

  test("a scope that was not offered is not granted", async () => {
    const guest = await ground.invite("guest", ["mcp:read"]);
    const pkce = createPkce();
    const page = await guest.walk(ground.authorizationUrl(client_id, pkce, { scope: "mcp:write" }));
    const consent = consentForm(page);
    const forged = {
      ...consent,
      fields: consent.fields.map((field) => (field.name === "scope" ? { ...field, value: "mcp:write" } : field)),
    };
    const done = await guest.submit(page, forged, { button: "approve" });
    expect({ status: done.status, location: done.headers.get("location") }).toEqual({ status: 400, location: null });
    const both = {
      ...consent,
      fields: [
        ...consent.fields,
        { name: "scope", type: "checkbox", value: "mcp:write", checked: true, disabled: false },
      ],
    };
    const code = nextAddress(await guest.submit(page, both, { button: "approve" }))?.searchParams.get("code") ?? "";
    const answer = await ground.token({
      grant_type: "authorization_code",
      code,
      client_id,
      redirect_uri: CALLBACK,
      code_verifier: pkce.verifier,
    });
    expect(JSON.parse(answer.text)).toMatchObject({ scope: "mcp:read" });
  });

  test("authz-state-preset: an answered request is answered once, in two windows too", async () => {
    const page = await openConsent();
    const consent = consentForm(page);
    const cookie = ground.owner.cookiesFor(page.url);
    const answers = await Promise.all(
      [1, 2].map(() => ground.owner.submit(page, consent, { button: "approve", headers: { cookie } })),
    );
    const codes = answers.map((answer) => nextAddress(answer)?.searchParams.get("code") ?? undefined);
    expect(codes.filter((code) => code !== undefined)).toHaveLength(1);
    const again = await ground.owner.submit(page, consent, { button: "approve", headers: { cookie } });
    expect({ status: again.status, location: again.headers.get("location") }).toEqual({ status: 400, location: null });
  });

  test("authz-confused-deputy: the pending request of an attacker asks the victim to sign in and to agree", async () => {
    const stranger = new (ground.owner.constructor as new (credentials: { code: () => string }) => typeof ground.owner)(
      { code: () => "" },
    );
    const url = ground.authorizationUrl(client_id, createPkce());
    const page = await stranger.open(url);
    expect(nextAddress(page)?.pathname).toBe("/sign-in");
    // The victim's session for one request is no session for another.
    const own = await openConsent();
    const other = await ground.owner.open(ground.authorizationUrl(client_id, createPkce()));
    expect(nextAddress(other)?.pathname).toBe("/sign-in");
    expect(consentForm(own)).toBeDefined();
  });

  test("two windows of one person: the CSRF token of one request does not answer the other", async () => {
    const first = await openConsent({ state: "one" });
    const cookie = ground.owner.cookiesFor(first.url);
    const second = await openConsent({ state: "two" });
    const token = consentForm(first).fields.find(({ name }) => name === "csrf")?.value ?? "";
    const crossed = await ground.owner.submit(second, consentForm(second), {
      button: "approve",
      fill: { csrf: token },
    });
    expect(crossed.status).toBe(403);
    const stale = await ground.owner.submit(second, consentForm(second), { button: "approve", headers: { cookie } });
    expect(nextAddress(stale)?.searchParams.get("code") ?? null).toBeNull();
  });

  test("a callback on another port collects no cookie: the session is cleared in the answer that leads there", async () => {
    const page = await openConsent();
    expect(ground.owner.cookiesFor(page.url)).toContain("-flow=");
    const session = ground.owner.cookiesFor(page.url);
    const done = await ground.owner.submit(page, consentForm(page), { button: "approve" });
    expect(nextAddress(done)?.searchParams.get("code")).toBeTruthy();
    expect(ground.owner.cookiesFor(new URL("http://localhost:49152/callback"))).not.toMatch(/-flow=|-account=/);
    // And what it might have copied before is worth nothing any more.
    const stolen = await ground.owner.open(ground.authorizationUrl(client_id, createPkce()), {
      headers: { cookie: session },
    });
    expect(nextAddress(stolen)?.pathname).toBe("/sign-in");
    const account = await ground.owner.open(`${ground.program.issuer}/account`, { headers: { cookie: session } });
    expect(nextAddress(account)?.pathname).toBe("/sign-in");
  });

  test("authz-consent-csrf-clickjack: no page of ours can be framed, kept or left with a referrer", async () => {
    const pages = [
      await openConsent(),
      await ground.owner.open(`${ground.program.issuer}/sign-in`),
      await ground.owner.open(ground.authorizationUrl("nobody", createPkce())),
    ];
    for (const { url, headers } of pages) {
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy, url.pathname).toContain("frame-ancestors 'none'");
      expect(policy, url.pathname).toContain("default-src 'none'");
      expect(policy, url.pathname).not.toContain("unsafe-inline");
      expect(headers.get("referrer-policy"), url.pathname).toBe("no-referrer");
      expect(headers.get("cache-control"), url.pathname).toContain("no-store");
      expect(headers.get("x-content-type-options"), url.pathname).toBe("nosniff");
    }
  });

  test("authz-cookie-flags: every cookie is HttpOnly, SameSite, short-lived and named after its port", async () => {
    const { headers } = await ground.owner.open(`${ground.program.issuer}/sign-in`, { headers: { cookie: "" } });
    const [cookie = ""] = headers.getSetCookie();
    expect(cookie).toMatch(/^sallyport-\d+-form=[\w-]{43}; Path=\/sign-in; Max-Age=3600; HttpOnly; SameSite=Lax$/);
  });

  test.each(["/account/revoke-all", "/account/password", "/account/passkeys/add", "/sign-out"])(
    "authz-consent-csrf-clickjack: a POST to %s from elsewhere does nothing",
    async (path) => {
      for (const headers of [
        { origin: "https://evil.example" },
        { origin: "null", "sec-fetch-site": "cross-site" },
        {},
      ] as Record<string, string>[]) {
        const answer = await ground.owner.open(ground.program.issuer + path, {
          method: "POST",
          headers,
          body: new URLSearchParams({ password: "lantern quarry 42" }),
        });
        expect(answer.status, JSON.stringify(headers)).toBe(403);
      }
    },
  );
});
