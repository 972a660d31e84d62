/*
 * A few hundred plausible customers, made from lists by a generator that always says the same, so that everybody sees the same desk.
 */

const FIRST =
  "Amelie Bruno Chiara Daniel Elif Farah Gustav Hanna Ines Jonas Klara Liam Mei Nadia Oskar Priya Quentin Rosa Samir Tilda Uwe Vera Wanda Xenia Yusuf Zoe".split(
    " ",
  );
const LAST =
  "Albrecht Bianchi Castro Dubois Eriksen Fischer Garcia Haddad Ivanova Jensen Kowalski Lindqvist Moreau Novak Okafor Petrov Quist Rossi Silva Tanaka Urbina Virtanen Weber Yilmaz Zeman".split(
    " ",
  );
const COMPANIES =
  "Alder Beacon Cobalt Delta Ember Fjord Granite Harbor Indigo Juniper Kestrel Lumen Meridian Nimbus Orchard Pioneer Quarry Ridge Summit Tundra".split(
    " ",
  );
const KINDS = ["Logistics", "Dental", "Bakery", "Robotics", "Hotels", "Optics", "Textiles", "Media"];
const CITIES: readonly (readonly [city: string, region: string])[] = [
  ["Hamburg", "north"],
  ["Copenhagen", "north"],
  ["Oslo", "north"],
  ["Helsinki", "north"],
  ["Lyon", "south"],
  ["Milan", "south"],
  ["Lisbon", "south"],
  ["Valencia", "south"],
];
const PLANS = ["starter", "team", "business"];
const ITEMS: readonly (readonly [item: string, cents: number])[] = [
  ["Desk phone", 8_900],
  ["Headset", 12_900],
  ["Team plan, 1 year", 118_800],
  ["Business plan, 1 year", 238_800],
  ["On-site set-up", 45_000],
  ["Label printer", 21_500],
  ["Spare charger", 2_900],
  ["Training day", 69_000],
];
const SUBJECTS: readonly (readonly [subject: string, body: string])[] = [
  ["Invoice shows the wrong address", "Our address changed in spring, the last two invoices still show the old one."],
  ["Headset crackles", "The left side crackles after about ten minutes of a call."],
  ["Cannot sign in", "Two of us get 'account locked' since Monday."],
  ["Charged twice", "The order was charged twice on our card. Please refund one of them."],
  ["Parcel has not arrived", "Tracking has said 'in transit' for nine days."],
  ["How do we add a seat?", "We have a new colleague and would like to add one seat to the plan."],
  ["Export to CSV is empty", "The export of last month's calls gives an empty file."],
  ["Please call me back", "I would rather explain this on the phone."],
];

export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly company: string;
  readonly email: string;
  readonly phone: string;
  readonly city: string;
  readonly region: string;
  readonly plan: string;
  readonly owner: string;
  readonly since: string;
}

export interface Ticket {
  readonly id: string;
  readonly customer_id: string;
  readonly subject: string;
  readonly body: string;
  readonly status: string;
  readonly priority: string;
  readonly opened: string;
}

export interface Order {
  readonly id: string;
  readonly customer_id: string;
  readonly item: string;
  readonly amount_cents: number;
  readonly currency: string;
  readonly placed: string;
}

export interface Seed {
  readonly customers: readonly Customer[];
  readonly tickets: readonly Ticket[];
  readonly orders: readonly Order[];
}

/** Mulberry32: small, and the same on every machine. */
function createDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

/** Every so many customers somebody of another region looks after one. */
const KEY_ACCOUNT = 25;

/** `count` customers with their tickets and orders; `owners` are the people who look after them, by region. */
export function createSeed(count: number, owners: Readonly<Record<string, readonly string[]>>): Seed {
  const dice = createDice(20_261);
  const pick = <T>(list: readonly T[]): T => list[dice(list.length)] as T;
  const date = (year: number) =>
    `${year}-${String(1 + dice(12)).padStart(2, "0")}-${String(1 + dice(28)).padStart(2, "0")}`;
  const customers: Customer[] = [];
  const tickets: Ticket[] = [];
  const orders: Order[] = [];
  for (let index = 0; index < count; index++) {
    const id = `C-${1001 + index}`;
    const [first, last] = [pick(FIRST), pick(LAST)];
    const company = `${pick(COMPANIES)} ${pick(KINDS)}`;
    const [city, region] = pick(CITIES);
    const here = owners[region] ?? [];
    const [elsewhere] = Object.values(owners)
      .flat()
      .filter((name) => !here.includes(name));
    const owner = pick(here) ?? "nobody";
    customers.push({
      id,
      name: `${first} ${last}`,
      company,
      email: `${first}.${last}@${company.toLowerCase().replace(" ", "-")}.example`.toLowerCase(),
      phone: `+49 555 ${String(100_000 + dice(900_000))}`,
      city,
      region,
      plan: pick(PLANS),
      owner: index % KEY_ACCOUNT === KEY_ACCOUNT - 1 ? (elsewhere ?? owner) : owner,
      since: date(2019 + dice(7)),
    });
    for (let left = dice(3); left > 0; left--) {
      const [subject, body] = pick(SUBJECTS);
      const [status, priority] = [
        pick(["open", "open", "waiting", "solved"]),
        pick(["low", "normal", "normal", "urgent"]),
      ];
      const opened = `${date(2026)}T09:${String(10 + dice(50))}:00Z`;
      tickets.push({ id: `T-${5001 + tickets.length}`, customer_id: id, subject, body, status, priority, opened });
    }
    for (let left = 1 + dice(3); left > 0; left--) {
      const [item, amount_cents] = pick(ITEMS);
      orders.push({
        id: `O-${9001 + orders.length}`,
        customer_id: id,
        item,
        amount_cents,
        currency: "EUR",
        placed: date(2026),
      });
    }
  }
  return { customers, tickets, orders };
}
