import type pg from "pg";

/** Who asks, as the token says: the person, and the programs that act for them, the current one first. */
export interface Attribution {
  readonly sub: string;
  /** The client ids of the actors, outermost first, joined: `crm-server for support-chat`. */
  readonly agent: string;
  readonly token_id: string | undefined;
}

/** What the CRM answers instead of a row. */
export class RecordError extends Error {
  constructor(
    readonly status: 403 | 404 | 409 | 422,
    message: string,
  ) {
    super(message);
  }
}

const NOT_STAFF = "You do not work at this desk.";
/** Customers of one's regions, and those that one looks after oneself; all others are as if they did not exist. */
const MINE =
  "(region = any(select unnest(regions) from staff where sub = $1) or owner = (select name from staff where sub = $1))";

/** A pattern for whatever holds `text`. */
function like(text: string): string {
  return `%${text.replace(/[\\%_]/g, "\\$&")}%`;
}

async function requireStaff(pool: pg.Pool | pg.PoolClient, sub: string): Promise<string> {
  const { rows } = await pool.query("select name from staff where sub = $1", [sub]);
  if (rows[0] === undefined) throw new RecordError(403, NOT_STAFF);
  return rows[0].name;
}

/** Every read and change of the CRM, each for one person's rows only. */
export function createRecords(pool: pg.Pool) {
  const find = async (sub: string, id: string) => {
    await requireStaff(pool, sub);
    const { rows } = await pool.query(`select * from customers where ${MINE} and id = $2`, [sub, id]);
    if (rows[0] === undefined) throw new RecordError(404, `There is no customer ${id} that you may see.`);
    return rows[0];
  };
  return {
    async searchCustomers(sub: string, text: string) {
      await requireStaff(pool, sub);
      const { rows } = await pool.query(
        `select id, name, company, city, plan, owner from customers
         where ${MINE} and (name ilike $2 or company ilike $2 or email ilike $2 or city ilike $2 or id ilike $2)
         order by id limit 20`,
        [sub, like(text)],
      );
      return rows;
    },
    async readCustomer(sub: string, id: string) {
      const customer = await find(sub, id);
      const [tickets, orders] = await Promise.all([
        pool.query("select id, subject, status, priority, opened from tickets where customer_id = $1 order by id", [
          id,
        ]),
        pool.query("select * from orders where customer_id = $1 order by id", [id]),
      ]);
      return { ...customer, tickets: tickets.rows, orders: orders.rows };
    },
    async readTicket(sub: string, id: string) {
      const ticket = await ticketOf(pool, sub, id);
      const { rows } = await pool.query("select text, author, written from notes where ticket_id = $1 order by id", [
        id,
      ]);
      return { ...ticket, notes: rows };
    },
    async searchTickets(sub: string, status: string) {
      await requireStaff(pool, sub);
      const { rows } = await pool.query(
        `select tickets.id, subject, status, priority, customer_id, name, company from tickets
         join customers on customers.id = customer_id where ${MINE} and status = $2 order by opened desc limit 20`,
        [sub, status],
      );
      return rows;
    },
    async searchOrders(sub: string, text: string) {
      await requireStaff(pool, sub);
      const { rows } = await pool.query(
        `select orders.id, item, amount_cents, refunded_cents, currency, placed, customer_id, name, company from orders
         join customers on customers.id = customer_id
         where ${MINE} and (orders.id ilike $2 or item ilike $2 or customer_id ilike $2 or name ilike $2 or company ilike $2)
         order by placed desc, orders.id limit 20`,
        [sub, like(text)],
      );
      return rows;
    },
    async readOrder(sub: string, id: string) {
      return orderOf(pool, sub, id);
    },
    async readHistory(sub: string, id: string) {
      await find(sub, id);
      const { rows } = await pool.query("select * from history where customer_id = $1 order by id desc limit 50", [id]);
      return rows;
    },
    addNote: (by: Attribution, id: string, text: string) =>
      change(pool, by, async (client, author) => {
        const ticket = await ticketOf(client, by.sub, id);
        await client.query("insert into notes (ticket_id, text, author) values ($1, $2, $3)", [id, text, author]);
        return { customer_id: ticket.customer_id, what: `note on ${id}`, change: { text } };
      }),
    updateContact: (by: Attribution, id: string, contact: { readonly email?: string; readonly phone?: string }) =>
      change(pool, by, async (client) => {
        const { rows } = await client.query(`select * from customers where ${MINE} and id = $2 for update`, [
          by.sub,
          id,
        ]);
        const before = rows[0];
        if (before === undefined) throw new RecordError(404, `There is no customer ${id} that you may see.`);
        const { email = before.email, phone = before.phone } = contact;
        await client.query("update customers set email = $2, phone = $3 where id = $1", [id, email, phone]);
        const from = { email: before.email, phone: before.phone };
        return { customer_id: id, what: "contact", change: { from, to: { email, phone } } };
      }),
    refund: (by: Attribution, id: string, amount_cents: number) =>
      change(pool, by, async (client) => {
        const order = await orderOf(client, by.sub, id, "for update of orders");
        const left = order.amount_cents - order.refunded_cents;
        if (amount_cents > left) throw new RecordError(409, `Only ${left} cents of ${id} are left to refund.`);
        await client.query("update orders set refunded_cents = refunded_cents + $2 where id = $1", [id, amount_cents]);
        return { customer_id: order.customer_id, what: `refund of ${id}`, change: { amount_cents } };
      }),
  };
}

export type Records = ReturnType<typeof createRecords>;

async function ticketOf(pool: pg.Pool | pg.PoolClient, sub: string, id: string) {
  await requireStaff(pool, sub);
  const { rows } = await pool.query(
    `select tickets.* from tickets join customers on customers.id = customer_id where ${MINE} and tickets.id = $2`,
    [sub, id],
  );
  if (rows[0] === undefined) throw new RecordError(404, `There is no ticket ${id} that you may see.`);
  return rows[0];
}

async function orderOf(pool: pg.Pool | pg.PoolClient, sub: string, id: string, lock = "") {
  await requireStaff(pool, sub);
  const { rows } = await pool.query(
    `select orders.* from orders join customers on customers.id = customer_id where ${MINE} and orders.id = $2 ${lock}`,
    [sub, id],
  );
  if (rows[0] === undefined) throw new RecordError(404, `There is no order ${id} that you may see.`);
  return rows[0];
}

interface Done {
  readonly customer_id: string;
  readonly what: string;
  readonly change: unknown;
}

/** A change and its line in the history: both or neither. */
async function change(
  pool: pg.Pool,
  { sub, agent, token_id }: Attribution,
  act: (client: pg.PoolClient, author: string) => Promise<Done>,
): Promise<Done> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const author = await requireStaff(client, sub);
    const done = await act(client, author);
    await client.query(
      "insert into history (customer_id, what, change, by_user, by_agent, token_id) values ($1, $2, $3, $4, $5, $6)",
      [done.customer_id, done.what, JSON.stringify(done.change), author, agent, token_id],
    );
    await client.query("commit");
    return done;
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}
