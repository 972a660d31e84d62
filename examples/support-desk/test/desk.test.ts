import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeViolations, CHROMIUM_MISSING, inspect, launchChromium, MISSING_TITLE } from "../../../test/e2e/chromium.js";
import { createWitness, type Watch, watchBrowser, watchProgram } from "../../../test/fixtures/watched-program.js";
import { EXAMPLES, planner, planOf } from "../src/agent/planner.js";
import { readBefore } from "../src/agent/read-before.js";
import { createRecords } from "../src/crm/records.js";
import { type Desk, startDesk } from "../src/desk.js";
import { chatInTerminal } from "../src/terminal/chat.js";

/*
 * The whole desk, driven as people drive it: a real browser, the gateway as its own process, PostgreSQL, tokens that are exchanged twice.
 */
const PASSWORD = "violet kettle answers twice";
const folder = mkdtempSync(join(tmpdir(), "support-desk-"));
// PostgreSQL gives up root's rights, and has to reach its folder.
chmodSync(folder, 0o755);

const PORT = 14_700;

type Asked = Readonly<Record<string, unknown>>;

let desk: Desk;
let watch: Watch | undefined;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  const config = fileURLToPath(new URL("../sallyport.yaml", import.meta.url));
  const witness = createWitness();
  // For the gateway, which the desk starts with the environment that it has itself.
  const added = { ...witness.environment, NODE_OPTIONS: witness.arguments.join("=") };
  Object.assign(process.env, added);
  desk = await startDesk({ agent: planner, config, folder, port: PORT });
  for (const name of Object.keys(added)) delete process.env[name];
  // The chat and the terminal are callers; the MCP server and the CRM are what lies behind.
  watch = watchProgram({ issuer: desk.gatewayUrl, folder, log: () => "", behind: [PORT + 2, PORT + 3], witness });
  if (CHROMIUM_MISSING) return;
  browser = await launchChromium();
  context = await browser.newContext();
  watchBrowser(context);
  page = await context.newPage();
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await desk?.close();
  try {
    // The database of the CRM is one of the files.
    watch?.check();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);

const codeOf = (name: string) => desk.people.find((person) => person.name === name)?.code ?? "";

/** Goes through the gateway's pages as `name` until the browser is back at the chat. Answers what the consent page said. */
async function agree(at: Page, name: string): Promise<string> {
  let asked = "";
  for (let step = 0; step < 8; step++) {
    // Pages that only lead on are passed by themselves.
    const away = at.waitForURL((url) => url.origin !== desk.gatewayUrl);
    await Promise.race([
      away,
      at.locator("input[name=code], input[type=password], button:has-text('Allow')").first().waitFor(),
    ]);
    if (!at.url().startsWith(desk.gatewayUrl)) return asked;
    const before = at.url();
    if (await at.isVisible("input[name=code]")) {
      await at.fill("input[name=code]", codeOf(name));
      await at.locator("form:has(input[name=code]) button[type=submit]").click();
    } else if (await at.isVisible("button:has-text('Allow')")) {
      asked = await at.innerText("main");
      await at.click("button:has-text('Allow')");
    } else {
      if (await at.isVisible("input[name=username]")) await at.fill("input[name=username]", name);
      await at.fill("input[type=password]", PASSWORD);
      await at.locator("form:has(input[type=password]) button[type=submit]").first().click();
    }
    await at.waitForURL((url) => url.href !== before);
  }
  throw new Error(`lost at ${at.url()}`);
}

/** Sends a sentence, and answers what was added to the page when the answer is complete. */
async function say(text: string): Promise<string> {
  const known = await page.locator("#log > li").count();
  await page.fill("#text", text);
  // The button is off from the click to the end of the answer.
  await page.click("#say button");
  await page.waitForFunction(() => document.querySelector<HTMLButtonElement>("#say button")?.disabled === false);
  return (await page.locator("#log > li").allInnerTexts()).slice(known).join("\n");
}

const customerOf = async (region: string) =>
  (
    await desk.database.query(
      "select id, email from customers where region = $1 and (region = 'north' or owner <> 'alice') order by id limit 1",
      [region],
    )
  ).rows[0];

describe.skipIf(CHROMIUM_MISSING)(CHROMIUM_MISSING ? MISSING_TITLE : "the support desk", () => {
  let mine: { readonly id: string; readonly email: string };

  test("connects: the person signs in and agrees to reading, and to nothing else", async () => {
    mine = await customerOf("north");
    await page.goto(desk.chatUrl);
    expect(await page.innerText("main")).toContain("not a language model");
    await page.click("button:has-text('Connect')");
    await agree(page, "alice");
    expect(await page.innerText("header")).toContain("mcp:read");
    expect(await page.innerText("header")).not.toContain("mcp:write");
    await page.reload();
    expect(await page.innerText("main")).not.toContain("Nothing was granted");
  });

  test("suggests nothing to anybody that would not work for them", async () => {
    const shown = await page
      .locator("[placeholder]")
      .evaluateAll((all) => all.map((one) => one.getAttribute("placeholder")));
    expect(shown.length).toBeGreaterThan(1);
    const records = createRecords(desk.database);
    const read = {
      get_customer: (sub: string, { customer_id }: Asked) => records.readCustomer(sub, String(customer_id)),
      get_ticket: (sub: string, { ticket_id }: Asked) => records.readTicket(sub, String(ticket_id)),
      get_order: (sub: string, { order_id }: Asked) => records.readOrder(sub, String(order_id)),
      get_customer_history: (sub: string, { customer_id }: Asked) => records.readHistory(sub, String(customer_id)),
      search_customers: (sub: string, { query }: Asked) => records.searchCustomers(sub, String(query)),
      search_tickets: (sub: string, { status }: Asked) => records.searchTickets(sub, String(status)),
      search_orders: (sub: string, { query }: Asked) => records.searchOrders(sub, String(query)),
    };
    for (const { name, sub } of desk.people) {
      for (const example of [...EXAMPLES, ...shown]) {
        const step = planOf(example ?? "");
        // A change is suggested of something that can be read.
        const { tool, args } = (step && readBefore(step)) ?? step ?? { tool: "none", args: {} };
        const found = await read[tool as keyof typeof read](sub, args);
        // Nothing was changed yet: a history may be empty.
        if (tool !== "get_customer_history") expect(found, `${name}: ${example}`).not.toEqual([]);
        if (tool === "get_order") expect(step?.args.amount_cents ?? 0).toBeLessThan(found.amount_cents);
      }
    }
  });

  test("does not take an order that it does not understand for a question", async () => {
    const said = await say(`refund 500 EUR to ${mine.id}`);
    expect(said).toContain("I did not understand that, and did nothing. Say it like this:");
    expect(said).not.toContain(mine.email);
    expect(await say("show ticket T-5002")).toContain("allowed");
  });

  test("looks up what the person may see, and nothing of another region", async () => {
    expect(await say(`show customer ${mine.id}`)).toContain(mine.email);
    const foreign = await customerOf("south");
    expect(await say(`show customer ${foreign.id}`)).toContain(`There is no customer ${foreign.id} that you may see.`);
    const { rows: own } = await desk.database.query(
      "select id, email from customers where region <> 'north' and owner = 'alice'",
    );
    expect(await say(`show customer ${own[0].id}`)).toContain(own[0].email);
    const found = await say("find Lyon");
    const { rows: others } = await desk.database.query(
      "select id from customers where city = 'Lyon' and owner <> 'alice'",
    );
    expect(others.length).toBeGreaterThan(5);
    for (const { id } of others) expect(found).not.toContain(id);
    const orders = await say("orders of label printer");
    expect(orders).toContain("Label printer, 215.00 EUR");
    const { rows: hidden } = await desk.database.query(
      "select orders.id from orders join customers on customers.id = customer_id where region = 'south' and owner <> 'alice'",
    );
    for (const { id } of hidden) expect(orders).not.toContain(`${id} `);
  });

  test("asks for no permission to change what the person may not see, and says so in a sentence, with the details folded", async () => {
    const foreign = await customerOf("south");
    const said = await say(`change the email of ${foreign.id} to x@example.com`);
    expect(said).toContain(`There is no customer ${foreign.id} that you may see. Nothing was changed.`);
    expect(said).not.toContain("permission");
    expect(said).not.toMatch(/[{}]/);
    expect(page.url().startsWith(desk.chatUrl)).toBe(true);
    const failure = page.locator("#log > li.error").last();
    expect(await failure.locator("details").getAttribute("open")).toBeNull();
    await failure.locator("summary").click();
    const details = await failure.innerText();
    expect(details).toContain(foreign.id);
    expect(details).not.toContain('{"error"');
    expect(await page.locator("#log a.button").count()).toBe(0);
  });

  test("shows the beginning of a long list, on a phone a shorter one, and the rest when it is unfolded", async () => {
    const list = page.locator("#log > li.assistant").last();
    const linesOf = async () => (await list.innerText()).trim().split("\n").length;
    await say("open tickets");
    const { rows } = await desk.database.query(
      "select count(*)::int as all from tickets join customers on customers.id = customer_id where (region = 'north' or owner = 'alice') and status = 'open'",
    );
    const all = Math.min(20, rows[0].all);
    expect(all).toBeGreaterThan(12);
    expect(await linesOf()).toBe(11);
    await list.locator("summary").click();
    expect(await linesOf()).toBe(all + 1);
    const size = page.viewportSize() ?? { width: 1280, height: 720 };
    await page.setViewportSize({ width: 360, height: 740 });
    await page.reload();
    expect(await linesOf()).toBe(6);
    expect(await list.locator("summary").innerText()).toBe(`${all - 5} more`);
    await page.setViewportSize(size);
    await page.reload();
  });

  test("cannot change anything until the person has agreed to it on the gateway's page; then the change has both names", async () => {
    const email = "new@example.com";
    expect(await say(`change the email of ${mine.id} to ${email}`)).toContain("needs your permission");
    expect((await customerOf("north")).email).toBe(mine.email);
    expect(await inspect(page, "support-desk-step-up")).toEqual([]);
    await page.locator("#log a.button").last().click();
    await page.waitForURL((url) => url.origin === desk.gatewayUrl);
    const asked = await agree(page, "alice");
    expect(asked).toContain("update_contact");
    expect(asked).toContain("Change contact details");
    await page.waitForFunction(
      (text) => document.querySelector("#log")?.textContent?.includes(text),
      `is ${email} now`,
    );
    expect(await page.locator("#log a.button").count()).toBe(0);
    expect((await customerOf("north")).email).toBe(email);
    const { rows } = await desk.database.query("select * from history where customer_id = $1", [mine.id]);
    expect(rows).toMatchObject([{ what: "contact", by_user: "alice", change: { to: { email } } }]);
    expect(rows[0].by_agent).toBe(`crm-server for ${desk.mcpUrl} for support-chat`);
    expect(await say(`history of ${mine.id}`)).toContain("by alice through crm-server");
  });

  test("adds notes and refunds small amounts; a large refund is denied by a rule, with its reason", async () => {
    const { rows } = await desk.database.query(
      `select orders.id, tickets.id as ticket from orders join tickets using (customer_id) join customers on customers.id = customer_id
       where region = 'north' and amount_cents > 20000 limit 1`,
    );
    const [{ id, ticket }] = rows;
    expect(await say(`note on ${ticket}: called back`)).toContain("stands on");
    expect(await say(`refund 25 EUR of order ${id}`)).toContain("are refunded");
    const denied = await say(`refund 150 EUR of order ${id}`);
    expect(denied).toContain("denied by a rule");
    expect(denied).toContain("Refunds above 100 EUR are made by a team lead.");
    const { rows: after } = await desk.database.query("select refunded_cents from orders where id = $1", [id]);
    expect(after).toEqual([{ refunded_cents: 2500 }]);
  });

  test("lets the summarizer read one customer for five minutes, and nothing more even when told to", async () => {
    await page.fill("#customer", mine.id);
    await page.check("input[name=more]");
    await page.click("#sum button");
    await page.waitForFunction(() => document.querySelector("#log")?.textContent?.includes("whatever I am told"));
    const shown = (await page.locator("#log > li").allInnerTexts()).slice(-5).join("\n");
    expect(shown).toContain("is on the");
    expect(shown.match(/beyond its token/g)).toHaveLength(2);
    const email = (await customerOf("north")).email;
    expect(email).toBe("new@example.com");
  });

  test("has pages that axe-core finds nothing wrong with, in both widths and both colour schemes", async () => {
    expect(await axeViolations(page)).toEqual([]);
    expect(await inspect(page, "support-desk-chat")).toEqual([]);
  });

  test("stops within two seconds when the person takes the access back", async () => {
    const account = await context.newPage();
    await account.goto(`${desk.gatewayUrl}/account`);
    if (await account.isVisible("input[name=username]")) await agreeAccount(account);
    await account.getByRole("button", { name: "Remove access of Support chat", exact: true }).click();
    await account.getByText("The program has no access any more.").waitFor();
    const ended = Date.now();
    for (;;) {
      const begun = Date.now() - ended;
      if ((await say("open tickets")).includes("taken back")) break;
      expect(begun).toBeLessThan(2_000);
    }
    await account.close();
  });

  test("says the same in a terminal", { timeout: 120_000 }, async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    let seen = "";
    let sent = 0;
    const done = chatInTerminal({ agent: planner, mcpUrl: desk.mcpUrl, input, output });
    const { promise: failed, reject } = withReject();
    const read = async (chunk: Buffer) => {
      seen += String(chunk);
      const url = /^ {2}(http:\S+authorize\S+)$/m.exec(seen.slice(sent))?.[1];
      if (url !== undefined) {
        sent = seen.length;
        const own = await context.newPage();
        await own.goto(url);
        await agree(own, "alice");
        await own.close();
      }
      if (String(chunk).includes("An empty line ends")) input.write(`show customer ${mine.id}\n\n`);
    };
    output.on("data", (chunk: Buffer) => void read(chunk).catch(reject));
    await Promise.race([done, failed]);
    expect(seen).toContain("new@example.com");
  });

  test("lets no token of the person's reach the servers behind, the logs or the database files", () => {
    const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(names.length).toBeGreaterThan(5);
    for (const { parentPath, name } of names) {
      // A JWT begins with the base64url of `{"alg":` or `{"typ":`.
      const bytes = readFileSync(join(parentPath, name));
      for (const begin of ["eyJhbGciOi", "eyJ0eXAiOi"]) expect(bytes.includes(begin), name).toBe(false);
    }
  });
});

/** For what goes wrong in a listener. */
function withReject(): { readonly promise: Promise<never>; readonly reject: (error: unknown) => void } {
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<never>((_, fail) => {
    reject = fail;
  });
  return { promise, reject };
}

async function agreeAccount(at: Page): Promise<void> {
  await at.fill("input[name=username]", "alice");
  await at.fill("input[type=password]", PASSWORD);
  await at.locator("form:has(input[type=password]) button[type=submit]").first().click();
  await at.waitForURL((url) => url.pathname.endsWith("/account"));
}
