import { createMemoryStorage } from "@sallyport/auth/testing";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { TestBrowser } from "../../sign-in/testing/browser.js";
import { createInstallation } from "../../sign-in/testing/installation.js";
import { explainPages } from "./explain-pages.js";
import { parseJson, QuestionProblem } from "./question.js";
import { addGrant, createExplained } from "./testing/explained.js";

function createWorld(publicUrl = "https://example.com") {
  const grants = createMemoryStorage();
  const pages = explainPages(createExplained(() => here.storage, grants));
  const here: ReturnType<typeof createInstallation> = createInstallation({ publicUrl }, pages);
  const addPerson = async (name: string, ...roles: readonly string[]) => {
    const person = await here.addPerson(name);
    await here.storage.users.update(person.user.sub, { roles });
    return person;
  };
  return { ...here, grants, addPerson, now: here.system.now() };
}

type World = ReturnType<typeof createWorld>;

/** Asks as JSON. */
async function ask(world: World, browser: TestBrowser, question: object, headers: Record<string, string> = {}) {
  const { headers: own } = browser.request("/account/explain");
  const response = await world.signIn.app.fetch(
    new Request(`${world.publicUrl}/account/explain`, {
      method: "POST",
      headers: {
        ...Object.fromEntries(own),
        "content-type": "application/json",
        "sec-fetch-site": "same-origin",
        ...headers,
      },
      body: JSON.stringify(question),
    }),
  );
  return { status: response.status, body: await response.json().catch(() => undefined) };
}

describe("whoever asks for themselves", () => {
  async function support() {
    const world = createWorld();
    const { user, browser } = await world.addPerson("alice", "support");
    await addGrant(world.grants, { sub: user.sub, client_id: "desk", scopes: ["crm:read"], now: world.now });
    const asking = (question: object) => ask(world, browser, { client: "desk", ...question });
    return { world, browser, asking };
  }

  it("is answered by their own entitlement and grant, and told what was used", async () => {
    const { asking } = await support();
    expect(await asking({ tool: "get_contact" })).toEqual({
      status: 200,
      body: {
        allow: true,
        outcome: "allow",
        rule: "scope:crm:read",
        reason: "crm:read permits it and no rule denies",
        missingScopes: [],
        target: "tools/get_contact",
        used: {
          server: "crm",
          user: "alice",
          roles: ["support"],
          entitled: ["crm:read", "crm:write"],
          client: { client_id: "desk", name: "The desk" },
          granted: ["crm:read"],
          time: expect.any(Number),
        },
      },
    });
    expect((await asking({ tool: "update_contact", args: { credit_limit: 1 } })).body).toMatchObject({
      allow: false,
      outcome: "scope",
      rule: "scope:crm:write",
      missingScopes: ["crm:write"],
    });
    expect((await asking({ tool: "get_contact", client: "" })).body).toMatchObject({
      outcome: "scope",
      missingScopes: ["crm:read"],
      used: { granted: [] },
    });
  });

  it("learns which rule denies and its sentence, and neither its line, its condition nor the other rules", async () => {
    const { asking } = await support();
    const { body } = await asking({ tool: "update_contact", args: { credit_limit: 20_000 } });
    expect(body).toMatchObject({
      allow: false,
      outcome: "rule",
      rule: "crm.rules[0]",
      reason: "Credit limits above 10 000 are set by finance.",
    });
    expect(JSON.stringify(body)).not.toMatch(/yaml|credit_limit|rules\[1\]|"rules"|line/);
  });

  it("learns nothing of a condition that fails", async () => {
    const { asking } = await support();
    const { body } = await asking({ tool: "update_contact", args: {} });
    expect(body).toMatchObject({ allow: false, outcome: "rule", rule: "crm.rules[0]" });
    expect(JSON.stringify(body)).not.toMatch(/no such|failed|credit_limit/);
  });

  it("is told the same of what is hidden and what does not exist", async () => {
    const { asking } = await support();
    const [hidden, absent] = await Promise.all([asking({ tool: "payroll_run" }), asking({ tool: "payroll_xxx" })]);
    expect(JSON.stringify(hidden.body).replaceAll("payroll_run", "payroll_xxx")).toBe(JSON.stringify(absent.body));
    expect(hidden.body).toMatchObject({ allow: false, outcome: "unknown", missingScopes: [] });
    const page = (await (await support()).browser.get("/account/explain")).html;
    expect(page).toContain('value="update_contact"');
    expect(page).not.toMatch(/payroll_run|get_secret/);
  });

  it("cannot ask for others, whether they exist or not, nor through programs that are not theirs", async () => {
    const { world, asking } = await support();
    const bob = await world.addPerson("bob", "boss");
    await addGrant(world.grants, { sub: bob.user.sub, client_id: "till", scopes: ["crm:payroll"], now: world.now });
    for (const user of ["bob", "nobody"]) {
      expect(await asking({ tool: "get_contact", user })).toMatchObject({
        status: 422,
        body: { field: "user", error_description: "You can ask for yourself only." },
      });
    }
    expect(await asking({ tool: "get_contact", client: "till" })).toMatchObject({
      status: 422,
      body: { field: "client" },
    });
  });

  it("is answered about prompts, resources and what servers ask", async () => {
    const { asking } = await support();
    expect((await asking({ prompt: "greet" })).body).toMatchObject({ allow: true, target: "prompts/greet" });
    expect((await asking({ resource: "note://one" })).body).toMatchObject({
      allow: true,
      target: "resources/note://one",
    });
    expect((await asking({ request: "sampling" })).body).toMatchObject({
      allow: false,
      outcome: "rule",
      rule: "crm.rules[2]",
    });
    expect((await asking({ request: "roots" })).body).toMatchObject({ allow: true, rule: "default" });
  });
});

describe("an operator", () => {
  async function operator() {
    const world = createWorld();
    const alice = await world.addPerson("alice", "support");
    await addGrant(world.grants, { sub: alice.user.sub, client_id: "desk", scopes: ["crm:write"], now: world.now });
    const { browser } = await world.addPerson("olga", "operator");
    return { world, alice, asking: (question: object) => ask(world, browser, question), browser };
  }

  it("asks for anybody, and sees rules with lines and conditions, and what nobody granted", async () => {
    const { asking } = await operator();
    const { body } = await asking({
      user: "alice",
      client: "desk",
      tool: "update_contact",
      args: { credit_limit: 20_000 },
    });
    expect(body).toMatchObject({
      allow: false,
      rule: "crm.rules[0]@sallyport.yaml:13",
      line: 13,
      rules: [{ result: "holds", why: "args.credit_limit > 10000.0" }, { result: "other" }, { result: "other" }],
      scopes: [{ scope: "crm:write", entitled: true, granted: true }],
      used: { user: "alice", granted: ["crm:write"] },
    });
    expect((await asking({ user: "alice", tool: "payroll_run" })).body).toMatchObject({
      outcome: "unknown",
      notEntitled: ["crm:payroll"],
    });
  });

  it("is no operator any more at the next question", async () => {
    const { world, asking } = await operator();
    const olga = await world.storage.users.findByName("olga");
    await world.storage.users.update(olga?.sub ?? "", { roles: ["support"] });
    expect((await asking({ user: "alice", tool: "get_contact" })).status).toBe(422);
  });

  test.each([
    ["somebody who is not there", { user: "carol", tool: "get_contact" }, "user"],
    ["a server that is not there", { server: "x", tool: "get_contact" }, "server"],
    ["nothing", {}, "name"],
    ["two things", { tool: "a", prompt: "b" }, "name"],
    ["an empty name", { tool: "" }, "name"],
    ["a name that is no text", { tool: 1 }, "name"],
    ["arguments that are no object", { tool: "a", args: [] }, "args"],
    ["a request that no server sends", { request: "lunch" }, "name"],
    ["a misspelt member", { tool: "a", usr: "alice" }, undefined],
  ])("who asks for %s is told so", async (_, question, field) => {
    const { asking } = await operator();
    const { status, body } = await asking(question);
    expect({ status, field: body.field, said: typeof body.error_description }).toEqual({
      status: 422,
      field,
      said: "string",
    });
  });

  it("sees of a disabled account that every call is refused", async () => {
    const { world, alice, asking } = await operator();
    await world.storage.users.update(alice.user.sub, { disabled: true });
    expect((await asking({ user: "alice", tool: "get_contact" })).body.error_description).toContain("disabled");
  });
});

test("any body is a question or a problem that is said, never a failure", () => {
  const bodies = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ tool: fc.jsonValue(), args: fc.jsonValue() }).map((body) => JSON.stringify(body)),
  );
  fc.assert(
    fc.property(bodies, (text) => {
      try {
        parseJson(text);
      } catch (error) {
        expect(error).toBeInstanceOf(QuestionProblem);
      }
    }),
  );
});

describe("the address", () => {
  it("is for who is signed in, and comes back after signing in", async () => {
    const world = createWorld();
    expect((await world.browser.get("/explain")).location).toBe("/account/explain");
    expect((await world.browser.get("/account/explain")).location).toBe("/sign-in?return_to=%2Faccount%2Fexplain");
    expect(await ask(world, world.browser, { tool: "a" })).toMatchObject({
      status: 401,
      body: { error: "login_required" },
    });
    expect((await world.browser.post("/explain", { tool: "a" })).status).toBe(308);
  });

  it.each([
    ["another site", { "sec-fetch-site": "cross-site" }],
    ["another origin of this site", { "sec-fetch-site": "same-site" }],
    ["a page that hides where it is from", { "sec-fetch-site": "same-origin", origin: "https://evil.example" }],
  ])("takes no question from %s", async (_, headers) => {
    const world = createWorld();
    const { browser } = await world.addPerson("alice", "support");
    expect((await ask(world, browser, { tool: "get_contact" }, headers)).status).toBe(403);
    expect((await browser.post("/account/explain", { kind: "tool", name: "a" }, headers)).status).toBe(403);
  });

  it("answers a form without script, with its token alone, and in JSON to who wants it", async () => {
    const world = createWorld("http://localhost:4000");
    const { browser } = await world.addPerson("alice", "support");
    const page = await browser.get("/account/explain");
    const fields = { kind: "tool", name: "get_contact", args: "" };
    const answered = await browser.submit(page, "/account/explain", fields);
    expect(answered.status).toBe(200);
    expect(answered.html).toContain("Not yet allowed");
    expect((await browser.submit(page, "/account/explain", { ...fields, args: "{" })).status).toBe(422);
    expect((await browser.post("/account/explain", { ...fields, csrf: "x" })).status).toBe(403);
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? "";
    const json = await browser.post("/account/explain", { ...fields, csrf }, { accept: "application/json" });
    expect(JSON.parse(json.html)).toMatchObject({ outcome: "scope" });
  });

  it("shows what was typed as text", async () => {
    const world = createWorld();
    const { browser } = await world.addPerson("alice", "support");
    const page = await browser.get("/account/explain");
    const typed = '<script>alert(1)</script>"';
    const { html } = await browser.submit(page, "/account/explain", {
      kind: "tool",
      name: typed,
      args: `{"a":${JSON.stringify(typed)}}`,
    });
    expect(html).not.toContain("<script>alert");
  });
});
