import type { CelType } from "@bufbuild/cel";

/** What a value can be when it is read. A value of JSON is one of six, and never an integer: a JSON number is a double (design §5.4). */
export type Kind =
  | "null"
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "list"
  | "map"
  | "timestamp"
  | "duration"
  | "type";

/** As much as is known of a value before there is one. */
export interface Shape {
  /** Every kind that it may be. */
  readonly kinds: ReadonlySet<Kind>;
  /** Of an item of a list, or of a member of a map whose names are not known. */
  readonly item?: Shape;
  /** All members there can be, for what is not made by a caller. */
  readonly members?: Readonly<Record<string, Shape>>;
  /** It is, or was made from, what a caller sent: its size is the caller's choice. */
  readonly sent?: boolean;
}

const ALL: readonly Kind[] = [
  "null",
  "bool",
  "int",
  "uint",
  "double",
  "string",
  "bytes",
  "list",
  "map",
  "timestamp",
  "duration",
  "type",
];

export function shapeOf(...kinds: readonly Kind[]): Shape {
  return { kinds: new Set(kinds) };
}

export const ANY: Shape = shapeOf(...ALL);
export const BOOL: Shape = shapeOf("bool");
export const NUMBERS: ReadonlySet<Kind> = new Set<Kind>(["int", "uint", "double"]);

const text = shapeOf("string");
const listOf = (item: Shape): Shape => ({ kinds: new Set<Kind>(["list"]), item });
const record = (members: Readonly<Record<string, Shape>>): Shape => ({ kinds: new Set<Kind>(["map"]), members });

const JSON_VALUE: Shape = { kinds: new Set<Kind>(["null", "bool", "double", "string", "list", "map"]), sent: true };
const ARGUMENTS: Shape = { kinds: new Set<Kind>(["map"]), item: JSON_VALUE, sent: true };

/** What lies in a value of JSON: again a value of JSON. */
export function itemOf(shape: Shape): Shape {
  if (shape.item !== undefined) return shape.item;
  return shape.sent === true ? JSON_VALUE : ANY;
}

const actor = record({ sub: text, iss: text, client_id: text });

/** The names that a condition may read. Header values are not among them, nor what a client says about itself. */
export const ROOTS: Readonly<Record<string, Shape>> = {
  args: ARGUMENTS,
  principal: record({
    iss: text,
    sub: text,
    client_id: text,
    scopes: listOf(text),
    roles: listOf(text),
    actor,
    chain: listOf(actor),
    kind: text,
  }),
  call: record({ server: text, method: text, kind: text, name: text, revision: text }),
  time: shapeOf("timestamp"),
  request: record({ method: text, remoteAddress: text }),
};

/** Names of types, for `type(args.x) == string`. */
export const TYPE_NAMES: ReadonlySet<string> = new Set(
  "bool int uint double string bytes list map null_type type google.protobuf.Timestamp google.protobuf.Duration".split(
    " ",
  ),
);

const SCALARS: Readonly<Record<string, Kind>> = {
  null_type: "null",
  bool: "bool",
  int: "int",
  uint: "uint",
  double: "double",
  string: "string",
  bytes: "bytes",
  type: "type",
  "google.protobuf.Timestamp": "timestamp",
  "google.protobuf.Duration": "duration",
};

/** The kinds that the engine's own type of a parameter or result stands for. */
export function kindsOfType(type: CelType): ReadonlySet<Kind> {
  if (type.kind === "list" || type.kind === "map") return new Set([type.kind]);
  const kind = SCALARS[type.name];
  return kind === undefined ? ANY.kinds : new Set([kind]);
}

export function union(shapes: readonly Shape[]): Shape {
  const [first] = shapes;
  if (shapes.length === 1 && first !== undefined) return first;
  return {
    kinds: new Set(shapes.flatMap((shape) => [...shape.kinds])),
    ...(shapes.some(({ sent }) => sent) && { sent: true }),
  };
}

/** For messages: `double or string`. */
export function describeKinds({ kinds }: Shape): string {
  return kinds.size === ALL.length ? "any type" : [...kinds].join(" or ");
}
