import { editLine, elementSpans, memberSpans, type Span, spanAt, valueSpan } from "./json-span.js";

export type MessageType = "request" | "notification" | "response";

/** One JSON-RPC message in its own bytes, with the places where it names ids. Ids are kept as JSON text: `1`, `1.0` and `"1"` differ. */
export interface Message {
  readonly type: MessageType;
  readonly method: string | undefined;
  /** JSON text of `id`. */
  readonly id: string | undefined;
  /** JSON text of `params._meta.progressToken` (requests) or `params.progressToken` (progress notifications). */
  readonly progressToken: string | undefined;
  /** JSON text of `params.requestId` of a cancellation. */
  readonly requestId: string | undefined;
  /** JSON text of `_meta["io.modelcontextprotocol/subscriptionId"]` in params or result (2026-07-28). */
  readonly subscriptionId: string | undefined;
  /** JSON text of `requestState` in params or result (2026-07-28). */
  readonly requestState: string | undefined;
  readonly isError: boolean;
  /** The message on one line with other texts in these places. A place that it does not have is not added. */
  rewrite(texts: Texts): Buffer;
}

export type Place = "id" | "progressToken" | "requestId" | "subscriptionId" | "requestState";

/** JSON texts by place; `undefined` leaves a place as it is. */
export type Texts = Readonly<Partial<Record<Place, string | undefined>>>;

const SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId";
const NULL = "null";

/** JSON text that is an array: a batch (2025-03-26). */
export function isBatch(json: Buffer): boolean {
  return json[valueSpan(json).start] === 0x5b;
}

/** The messages of one JSON text: several when it is an array (2025-03-26). The text is valid JSON; elements that are no JSON-RPC message are left out. */
export function readMessages(json: Buffer): readonly Message[] {
  const root = valueSpan(json);
  const spans = isBatch(json) ? elementSpans(json, root) : [root];
  return spans.map((span) => readMessage(json, span)).filter((message) => message !== undefined);
}

function readMessage(json: Buffer, span: Span): Message | undefined {
  if (json[span.start] !== 0x7b) return undefined;
  const members = memberSpans(json, span);
  const text = (at: Span | undefined) => (at === undefined ? undefined : json.toString("utf8", at.start, at.end));
  const method = stringAt(json, members.get("method"));
  const id = text(members.get("id"));
  const type = typeOf(method, id, members);
  if (type === undefined) return undefined;
  const places = findPlaces(json, { type, method }, members);
  return {
    type,
    method,
    id: id === NULL ? undefined : id,
    progressToken: text(places.progressToken),
    requestId: text(places.requestId),
    subscriptionId: text(places.subscriptionId),
    requestState: text(places.requestState),
    isError: members.has("error"),
    rewrite(texts) {
      const edits = (Object.keys(texts) as Place[]).flatMap((place) => {
        const at = places[place];
        const value = texts[place];
        return at === undefined || value === undefined ? [] : [{ ...at, text: value }];
      });
      return editLine(json, edits, span);
    },
  };
}

function typeOf(
  method: string | undefined,
  id: string | undefined,
  members: Map<string, Span>,
): MessageType | undefined {
  if (method !== undefined) return id === undefined ? "notification" : "request";
  return members.has("result") || members.has("error") ? "response" : undefined;
}

type Places = Partial<Record<Place, Span | undefined>>;

function findPlaces(
  json: Buffer,
  { type, method }: Pick<Message, "type" | "method">,
  members: ReadonlyMap<string, Span>,
): Places {
  const id = members.get("id");
  const body = members.get(type === "response" ? "result" : "params");
  if (body === undefined || json[body.start] !== 0x7b) return { id };
  const inside = memberSpans(json, body);
  const meta = inside.get("_meta");
  const inMeta = (name: string) => (meta === undefined ? undefined : spanAt(json, [name], meta));
  return {
    id,
    progressToken:
      type === "request"
        ? inMeta("progressToken")
        : only(method === "notifications/progress", inside.get("progressToken")),
    requestId: only(method === "notifications/cancelled", inside.get("requestId")),
    subscriptionId: type === "request" ? undefined : inMeta(SUBSCRIPTION_ID),
    requestState: only(type !== "notification", inside.get("requestState")),
  };
}

function only(condition: boolean, span: Span | undefined): Span | undefined {
  return condition ? span : undefined;
}

function stringAt(json: Buffer, span: Span | undefined): string | undefined {
  if (span === undefined || json[span.start] !== 0x22) return undefined;
  return JSON.parse(json.toString("utf8", span.start, span.end));
}
