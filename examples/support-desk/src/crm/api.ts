import { createProtectedApi, createRemoteKeySet, noLocalRecords, type Principal } from "@sallyport/auth";
import { guard } from "@sallyport/auth/hono";
import { Hono } from "hono";
import { z } from "zod";
import { type Attribution, RecordError, type Records } from "./records.js";

const SCOPES = { "crm:read": {}, "crm:write": { includes: ["crm:read"] } } as const;

const query = z.string().max(100).default("");
const id = z.string().min(1).max(20);
const note = z.strictObject({ text: z.string().min(1).max(4_000) });
const contact = z
  .strictObject({ email: z.email().max(200).optional(), phone: z.string().min(5).max(40).optional() })
  .refine(({ email, phone }) => (email ?? phone) !== undefined, "give an email address, a phone number, or both");
const refund = z.strictObject({ amount_cents: z.int().min(1).max(100_000_000) });

/**
 * The CRM as a resource server of its own: its tokens are made for it alone, come by exchange only, and say who the person is and which
 * program acts. Whose rows somebody sees is decided here, by region.
 */
export function createCrmApi(options: {
  readonly resource: string;
  readonly issuer: string;
  readonly records: Records;
}) {
  const { resource, issuer, records } = options;
  const api = createProtectedApi({
    resource,
    scopes: SCOPES,
    issuers: [{ issuer, keys: createRemoteKeySet(`${issuer}/jwks`) }],
    isLive: noLocalRecords(Object.keys(SCOPES)),
  });
  const read = guard(api, ["crm:read"]);
  const write = guard(api, ["crm:write"]);
  const app = new Hono();
  app.use("/.well-known/*", async (context, next) => api.metadata(context.req.raw) ?? next());
  app.get("/customers", read, async (c) =>
    c.json(await records.searchCustomers(c.get("caller").principal.sub, query.parse(c.req.query("q")))),
  );
  app.get("/customers/:id", read, async (c) =>
    c.json(await records.readCustomer(c.get("caller").principal.sub, id.parse(c.req.param("id")))),
  );
  app.get("/customers/:id/history", read, async (c) =>
    c.json(await records.readHistory(c.get("caller").principal.sub, id.parse(c.req.param("id")))),
  );
  app.get("/tickets", read, async (c) =>
    c.json(
      await records.searchTickets(
        c.get("caller").principal.sub,
        z.enum(["open", "waiting", "solved"]).parse(c.req.query("status") ?? "open"),
      ),
    ),
  );
  app.get("/tickets/:id", read, async (c) =>
    c.json(await records.readTicket(c.get("caller").principal.sub, id.parse(c.req.param("id")))),
  );
  app.get("/orders", read, async (c) =>
    c.json(await records.searchOrders(c.get("caller").principal.sub, query.parse(c.req.query("q")))),
  );
  app.get("/orders/:id", read, async (c) =>
    c.json(await records.readOrder(c.get("caller").principal.sub, id.parse(c.req.param("id")))),
  );
  app.post("/tickets/:id/notes", write, async (c) => {
    const { text } = note.parse(await c.req.json());
    return c.json(await records.addNote(attributionOf(c.get("caller").principal), id.parse(c.req.param("id")), text));
  });
  app.patch("/customers/:id/contact", write, async (c) => {
    const { email, phone } = contact.parse(await c.req.json());
    const change = { ...(email !== undefined && { email }), ...(phone !== undefined && { phone }) };
    return c.json(
      await records.updateContact(attributionOf(c.get("caller").principal), id.parse(c.req.param("id")), change),
    );
  });
  app.post("/orders/:id/refunds", write, async (c) => {
    const { amount_cents } = refund.parse(await c.req.json());
    return c.json(
      await records.refund(attributionOf(c.get("caller").principal), id.parse(c.req.param("id")), amount_cents),
    );
  });
  app.onError((error, c) => {
    if (error instanceof RecordError) return c.json({ error: error.message }, error.status);
    if (error instanceof z.ZodError) return c.json({ error: z.prettifyError(error) }, 422);
    if (error instanceof SyntaxError) return c.json({ error: "The body is not JSON." }, 400);
    console.error(`crm: ${error.message}`);
    return c.json({ error: "The CRM failed." }, 500);
  });
  return app;
}

/** RFC 8693 §4.1: the outermost `act` acts now; those below acted before, and the client that the first token was issued to began it. */
function attributionOf({ sub, actor, chain, client_id, jti }: Principal): Attribution {
  const programs = [actor, ...chain].flatMap((one) => (one === undefined ? [] : [one.client_id ?? one.sub]));
  return { sub, agent: [...new Set([...programs, client_id])].join(" for "), token_id: jti };
}
