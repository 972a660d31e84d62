import { describe, expect, test } from "vitest";
import { createTestSystem } from "../testing/system.js";
import type { PostForm } from "./fetch-document.js";
import { createIntrospection, type IntrospectionOptions } from "./introspection.js";

const ENDPOINT = "https://login.example.com/introspect";

interface Posted {
  readonly url: string;
  readonly token: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

function prepare(answer: (posted: Posted) => unknown, options: Partial<IntrospectionOptions> = {}) {
  const system = createTestSystem(1_000);
  const posts: Posted[] = [];
  const postForm: PostForm = async (url, { form, headers }) => {
    const posted = { url, token: form.get("token"), headers };
    posts.push(posted);
    const body = await answer(posted);
    const [status, text] = Array.isArray(body) ? body : [200, JSON.stringify(body)];
    return { status, headers: new Headers(), body: new TextEncoder().encode(text) };
  };
  const client = { endpoint: ENDPOINT, clientId: "me", clientSecret: "secret" };
  return { system, posts, introspection: createIntrospection({ ...client, postForm, system, ...options }) };
}

describe("Introspection (RFC 7662)", () => {
  test("asks by a form, and says who asks (§2.1; RFC 6749 §2.3.1)", async () => {
    const { introspection, posts } = prepare(() => ({ active: true }), { clientId: "a b", clientSecret: "c:d%" });
    await introspection.ask("t");
    expect(posts).toEqual([
      {
        url: ENDPOINT,
        token: "t",
        headers: { authorization: `Basic ${btoa("a+b:c%3Ad%25")}`, accept: "application/json" },
      },
    ]);
  });

  test("says at every question who asks as of now, and asks nobody without a secret", async () => {
    let secret: string | undefined = "first";
    const clientSecret = () => {
      if (secret === undefined) throw new Error("it was removed");
      return secret;
    };
    const { introspection, posts } = prepare(() => ({ active: true }), { clientSecret });
    await introspection.ask("a");
    secret = "second";
    await introspection.ask("b");
    secret = undefined;
    await expect(introspection.ask("c")).rejects.toMatchObject({ reason: "introspection_unavailable" });
    expect(posts.map(({ headers }) => headers.authorization)).toEqual(
      ["first", "second"].map((each) => `Basic ${btoa(`me:${each}`)}`),
    );
  });

  test.each([
    ["yes for 30 s", { active: true }, {}, 30],
    ["yes for as long as it is told, if that is less", { active: true }, { cacheSeconds: 3 }, 3],
    ["yes never past exp", { active: true, exp: 1_010 }, {}, 10],
    ["no for 5 s", { active: false }, {}, 5],
    ["no for as long as it is told", { active: false, exp: 9_999 }, { negativeSeconds: 1 }, 1],
  ])("believes a %s", async (_, answer, options, seconds) => {
    const { introspection, posts, system } = prepare(() => answer, options);
    const first = await introspection.ask("t");
    expect(first.until).toBe(1_000 + seconds);
    system.advance(seconds - 1);
    expect(await introspection.ask("t")).toBe(first);
    expect(posts).toHaveLength(1);
    system.advance(1);
    await introspection.ask("t");
    expect(posts).toHaveLength(2);
  });

  test("says nothing of a token but that it is not active (§2.2)", async () => {
    const { introspection } = prepare(() => ({ active: false, sub: "u1", scope: "all" }));
    expect((await introspection.ask("t")).claims).toBeUndefined();
  });

  test("asks once for all who ask at the same time", async () => {
    const { introspection, posts } = prepare(async () => ({ active: true }));
    const answers = await Promise.all([introspection.ask("t"), introspection.ask("t"), introspection.ask("u")]);
    expect(posts.map(({ token }) => token)).toEqual(["t", "u"]);
    expect(answers[0]).toBe(answers[1]);
  });

  test("asks 64 questions at a time, and refuses to ask more", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { introspection, posts } = prepare(() => gate.then(() => ({ active: true })));
    const asked = Array.from({ length: 65 }, (_, index) =>
      introspection.ask(`t${index}`).then(
        () => "answered",
        ({ reason }) => reason,
      ),
    );
    const [first] = await Promise.all([Promise.race(asked)]);
    expect(first).toBe("introspection_unavailable");
    release();
    expect((await Promise.all(asked)).filter((answer) => answer === "answered")).toHaveLength(64);
    expect(posts).toHaveLength(64);
  });

  test.each([
    ["a refusal of our own credentials", [401, "{}"]],
    ["a failure", [500, "{}"]],
    ["an empty success", [204, ""]],
    ["a page", [200, "<html>"]],
    ["a list", [200, "[]"]],
    ["no `active`", [200, '{"sub":"u1"}']],
    ["an `active` that is a text", [200, '{"active":"true"}']],
    ["bytes that are no text", [200, "\ud800"]],
  ])("takes %s for no answer: neither yes nor no", async (_, answer) => {
    let broken = true;
    const { introspection } = prepare(() => (broken ? answer : { active: true }));
    await expect(introspection.ask("t")).rejects.toMatchObject({ reason: "introspection_unavailable", status: 503 });
    broken = false;
    expect((await introspection.ask("t")).claims).toEqual({ active: true });
  });

  test("keeps made-up tokens from pushing out good ones", async () => {
    const { introspection, posts } = prepare(({ token }) => ({ active: token === "good" }), { cachedTokens: 2 });
    await introspection.ask("good");
    for (const token of ["a", "b", "c", "d"]) await introspection.ask(token);
    await introspection.ask("good");
    expect(posts.filter(({ token }) => token === "good")).toHaveLength(1);
    await introspection.ask("a");
    expect(posts.filter(({ token }) => token === "a")).toHaveLength(2);
  });

  test("never sends a token that is too long to be one", async () => {
    const { introspection, posts } = prepare(() => ({ active: true }));
    await expect(introspection.ask("x".repeat(8_193))).rejects.toMatchObject({ reason: "token_malformed" });
    expect(posts).toEqual([]);
  });

  test.each([
    [{ endpoint: "http://login.example.com/introspect" }, "endpoint"],
    [{ endpoint: "nonsense" }, "endpoint"],
    [{ cacheSeconds: 31 }, "cacheSeconds"],
    [{ cacheSeconds: 0 }, "cacheSeconds"],
    [{ negativeSeconds: 31 }, "negativeSeconds"],
    [{ cachedTokens: 0 }, "cachedTokens"],
  ])("refuses to be made with %j", (options, names) => {
    expect(() => prepare(() => ({}), options)).toThrow(names);
  });
});
