import type { Principal } from "@sallyport/auth";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ForeignIdp } from "../federation/testing/foreign-idp.js";
import { CredentialError } from "../upstream/credentials/credential-error.js";
import type { UserToken } from "../upstream/credentials/user-credentials.js";
import type { ConnectionStore } from "./contract.js";
import type { Granted } from "./provider.js";
import { createMemoryConnections } from "./testing/memory-connections.js";
import { type Client, createClient, startThirdParty } from "./testing/third-party.js";
import { Vault } from "./vault.js";

const principal = (sub: string) => ({ iss: "http://localhost:4000", sub, kind: "user" }) as Principal;
const ADA = principal("ada");
const connectUrl = "http://localhost:4000/account/connect/desk";

let there: ForeignIdp;
let client: Client;
let store: ConnectionStore;
let vault: Vault;

beforeAll(async () => {
  there = await startThirdParty();
});
afterAll(() => there.close());
beforeEach(() => {
  client = createClient(there.issuer);
  store = createMemoryConnections();
  vault = newVault();
});

/** One more process on the same store. */
function newVault(limits = {}): Vault {
  const providers = new Map([["desk", client.provider]]);
  const personOf = ({ sub }: Principal) => (sub === "nobody" ? undefined : sub);
  const connect = (connection: string) => `http://localhost:4000/account/connect/${connection}`;
  return new Vault({ store, providers, connectUrl: connect, personOf, system: client.clock, limits });
}

/** Goes the whole way at the other system as `account`. */
async function grant(account: string): Promise<Granted> {
  const flow = { state: `state-${account}`, verifier: "v".repeat(43) };
  const url = await client.provider.start(flow, client.provider.scopes);
  const back = await there.visit(url, account);
  return client.provider.finish(back.search, flow);
}

const token = (answer: unknown): string => (answer as UserToken).token;
const refreshes = () => client.asked.filter((body) => body.get("grant_type") === "refresh_token").length;

/** The other system knows it. */
async function isLive(access_token: string): Promise<boolean> {
  return (await there.provider.AccessToken.find(access_token)) !== undefined;
}

async function reasonOf(answer: unknown): Promise<string> {
  return Promise.resolve(answer).then(
    () => "answered",
    (error: unknown) => (error instanceof CredentialError ? error.reason : String(error)),
  );
}

describe("a person's own token", () => {
  test("is theirs alone, and whoever has none is told where to connect", async () => {
    expect(await vault.tokenFor(ADA, "desk")).toEqual({ connectUrl, why: "missing" });
    await vault.connect("ada", "desk", await grant("ada"));
    expect(await isLive(token(await vault.tokenFor(ADA, "desk")))).toBe(true);
    expect(await vault.tokenFor(principal("grace"), "desk")).toEqual({ connectUrl, why: "missing" });
    expect(await vault.tokenFor(principal("nobody"), "desk")).toEqual({ connectUrl, why: "missing" });
  });

  test("is answered at once while it is held, as the same object; after a second the store is asked again", async () => {
    await vault.connect("ada", "desk", await grant("ada"));
    const first = await vault.tokenFor(ADA, "desk");
    expect(vault.tokenFor(ADA, "desk")).toBe(first);
    client.clock.advance(1);
    const again = vault.tokenFor(ADA, "desk");
    expect(again).toBeInstanceOf(Promise);
    expect(await again).toBe(first);
  });

  test("that was disconnected in another process is refused within two seconds, and ended at the other system", async () => {
    await vault.connect("ada", "desk", await grant("ada"));
    const before = token(await vault.tokenFor(ADA, "desk"));
    expect(await newVault().disconnect("ada", "desk")).toBe(true);
    client.clock.advance(2);
    expect(await vault.tokenFor(ADA, "desk")).toEqual({ connectUrl, why: "missing" });
    expect(await isLive(before)).toBe(false);
    expect(await vault.disconnect("ada", "desk")).toBe(false);
  });

  test("of a connection that is not configured is refused", () => {
    expect(() => vault.tokenFor(ADA, "other")).toThrow(CredentialError);
  });
});

describe("refreshing", () => {
  test("happens ahead of the end, once for many calls in two processes, and the rotated token is kept", async () => {
    await vault.connect("ada", "desk", await grant("ada"));
    const before = token(await vault.tokenFor(ADA, "desk"));
    const other = newVault();
    client.clock.advance(560);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? vault : other).tokenFor(ADA, "desk")),
    );
    expect(refreshes()).toBe(1);
    expect(answers.every((answer) => typeof token(answer) === "string")).toBe(true);
    client.clock.advance(2);
    const after = token(await other.tokenFor(ADA, "desk"));
    expect(after).not.toBe(before);
    expect(token(await vault.tokenFor(ADA, "desk"))).toBe(after);
    expect(refreshes()).toBe(1);
  });

  test("of a token that has ended lets the other process wait for the new one", async () => {
    await vault.connect("ada", "desk", await grant("ada"));
    const other = newVault({ lookMs: 1 });
    client.clock.advance(700);
    const [one, two] = await Promise.all([vault.tokenFor(ADA, "desk"), other.tokenFor(ADA, "desk")]);
    expect(token(one)).toBe(token(two));
    expect(refreshes()).toBe(1);
  });

  test("that the other system refuses ends the connection, and says so", async () => {
    const granted = await grant("ada");
    await vault.connect("ada", "desk", granted);
    await client.provider.revoke(granted.tokens);
    client.clock.advance(700);
    expect(await vault.tokenFor(ADA, "desk")).toEqual({ connectUrl, why: "ended" });
    const asked = refreshes();
    expect(await vault.tokenFor(ADA, "desk")).toEqual({ connectUrl, why: "ended" });
    expect(refreshes()).toBe(asked);
  });

  test("without a refresh token is not tried: the connection has ended", async () => {
    const { tokens, scopes } = await grant("ada");
    await vault.connect("ada", "desk", { scopes, tokens: { ...tokens, refresh_token: undefined } });
    client.clock.advance(590);
    expect(token(await vault.tokenFor(ADA, "desk"))).toBe(tokens.access_token);
    client.clock.advance(10);
    expect(await vault.tokenFor(ADA, "desk")).toEqual({ connectUrl, why: "ended" });
  });

  test.each<[string, () => Promise<Response>, string]>([
    ["does not answer", () => Promise.reject(new TypeError("fetch failed")), "credential_unreachable"],
    ["answers 503", async () => new Response("", { status: 503 }), "credential_unreachable"],
    [
      "answers HTML",
      async () => new Response("<h1>Hello</h1>", { headers: { "content-type": "text/html" } }),
      "credential_garbage",
    ],
    ["answers no token", async () => Response.json({ token_type: "Bearer" }), "credential_garbage"],
    [
      "answers a token with a line break",
      async () => Response.json({ access_token: "a\nb", token_type: "Bearer" }),
      "credential_garbage",
    ],
    [
      "refuses our client",
      async () => Response.json({ error: "invalid_client" }, { status: 401 }),
      "credential_refused",
    ],
  ])(
    "while the other system %s: the living token goes on, an ended one is a named error, and it recovers",
    async (_, answer, reason) => {
      await vault.connect("ada", "desk", await grant("ada"));
      const before = token(await vault.tokenFor(ADA, "desk"));
      client.interrupt = answer;
      client.clock.advance(570);
      expect(token(await vault.tokenFor(ADA, "desk"))).toBe(before);
      client.clock.advance(40);
      expect(await reasonOf(vault.tokenFor(ADA, "desk"))).toBe(reason);
      client.interrupt = undefined;
      client.clock.advance(2);
      expect(await isLive(token(await vault.tokenFor(ADA, "desk")))).toBe(true);
    },
  );

  test("whose result comes after the person disconnected keeps nothing, and ends the new token there too", async () => {
    await vault.connect("ada", "desk", await grant("ada"));
    client.clock.advance(700);
    const replace = store.replace.bind(store);
    let refreshed: string | undefined;
    store.replace = async (version, next) => {
      refreshed = next.tokens?.access_token;
      await store.remove("ada", "desk");
      return replace(version, next);
    };
    expect(await vault.tokenFor(ADA, "desk")).toEqual({ connectUrl, why: "missing" });
    expect(refreshed).toBeDefined();
    expect(await isLive(refreshed ?? "")).toBe(false);
    expect(await store.find("ada", "desk")).toBeUndefined();
  });

  test("fails closed while the store does not answer", async () => {
    await vault.connect("ada", "desk", await grant("ada"));
    store.find = () => Promise.reject(new Error("down"));
    expect(await reasonOf(vault.tokenFor(ADA, "desk"))).toBe("credential_overloaded");
  });
});

describe("a token that the other system refuses", () => {
  const refused = (status: 401 | 403, challenge: string, answer: UserToken) =>
    vault.refused(ADA, "desk", { token: answer, status, headers: { "www-authenticate": challenge }, attempt: 1 });

  test("with 401 is refreshed at once, once for many calls", async () => {
    await vault.connect("ada", "desk", await grant("ada"));
    const before = (await vault.tokenFor(ADA, "desk")) as UserToken;
    const answers = await Promise.all([1, 2, 3].map(() => refused(401, 'Bearer error="invalid_token"', before)));
    expect(new Set(answers.map(token)).size).toBe(1);
    expect(token(answers[0])).not.toBe(before.token);
    expect(refreshes()).toBe(1);
  });

  test("for its scope leads to the page that asks for that one, and never for one that is not configured", async () => {
    await vault.connect("ada", "desk", await grant("ada"));
    const before = (await vault.tokenFor(ADA, "desk")) as UserToken;
    const short = (scope: string) => refused(403, `Bearer error="insufficient_scope", scope="${scope}"`, before);
    expect(await short("tickets:write")).toEqual({
      connectUrl: `${connectUrl}?scope=openid+tickets%3Aread+tickets%3Awrite`,
      why: "scope",
    });
    expect(await short("admin")).toBeUndefined();
    expect(await refused(403, 'Bearer realm="x"', before)).toBeUndefined();
    expect(await refused(403, "=broken=", before)).toBeUndefined();
  });
});
