import { z } from "zod";
import { type AdminRefusalCode, REFUSALS, type Route } from "./route.js";

type Json = Readonly<Record<string, unknown>>;

/** What any row may refuse. */
const ALWAYS: readonly AdminRefusalCode[] = [
  "request_refused",
  "token_refused",
  "origin_refused",
  "too_many_requests",
  "server_error",
  "store_unavailable",
];
const WITH_BODY: readonly AdminRefusalCode[] = ["body_too_large", "not_json"];

/** The table of routes as an OpenAPI 3.1 document. */
export function formatOpenApi(routes: readonly Route[], version: string): Record<string, unknown> {
  const schemas: Record<string, Json> = { Refusal: refusalSchema() };
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    operations[route.method.toLowerCase()] = operationOf(route, schemas);
    paths[route.path] = operations;
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Sallyport admin API",
      version,
      description:
        "Users, clients, grants, sessions and servers of one installation. Every request needs the admin token.",
    },
    security: [{ token: [] }],
    paths,
    components: { schemas, securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  };
}

function operationOf(route: Route, schemas: Record<string, Json>): Json {
  const { name, summary, path, query, body, status, answer, refusals } = route;
  const codes = [...ALWAYS, ...(body === undefined ? [] : WITH_BODY), ...refusals];
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => ({
      name: parameter,
      in: "path",
      required: true,
      schema: { type: "string" },
    })),
    ...(query === undefined ? [] : queryParameters(query, schemas)),
  ];
  return {
    operationId: name,
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: json(schemaOf(body, "input", schemas)) } }),
    responses: {
      [status]: { description: "Done.", content: json(schemaOf(answer, "output", schemas)) },
      ...refusalsByStatus(codes),
    },
  };
}

function queryParameters(query: z.ZodObject, schemas: Record<string, Json>): readonly Json[] {
  return Object.entries(query.shape).map(([name, type]) => {
    const { description, ...schema } = schemaOf(type as z.ZodType, "input", schemas);
    return { name, in: "query", required: false, ...(description !== undefined && { description }), schema };
  });
}

function refusalsByStatus(codes: readonly AdminRefusalCode[]): Json {
  const byStatus = new Map<number, readonly AdminRefusalCode[]>();
  for (const code of codes) {
    const { status } = REFUSALS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, same]) => [
      status,
      {
        description: same.map((code) => `\`${code}\`: ${REFUSALS[code].when}`).join(" "),
        content: json({ $ref: "#/components/schemas/Refusal" }),
      },
    ]),
  );
}

function refusalSchema(): Json {
  return {
    type: "object",
    required: ["error", "message"],
    properties: {
      error: { enum: Object.keys(REFUSALS) },
      message: { type: "string", description: "What is wrong and what to do, for people." },
    },
  };
}

const json = (schema: Json): Json => ({ "application/json": { schema } });

/** A zod type as a schema; what has a name of its own goes to `schemas` and is referred to. */
function schemaOf(type: z.ZodType, io: "input" | "output", schemas: Record<string, Json>): Json {
  // A wrapper, so that a type with a name is a part of something and gets its definition.
  const whole = z.toJSONSchema(z.object({ it: type }), { io, target: "draft-2020-12" }) as unknown as {
    readonly $defs?: Record<string, Json>;
    readonly properties: { readonly it: Json };
  };
  const moved = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
  for (const [name, { id: _, ...definition }] of Object.entries(whole.$defs ?? {})) {
    schemas[name] = moved(definition) as Json;
  }
  return moved(whole.properties.it) as Json;
}
