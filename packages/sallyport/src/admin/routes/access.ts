import type { Grant, Session } from "@sallyport/auth/authorization-server";
import { z } from "zod";
import type { AdminParts } from "../contract.js";
import { type CutOff, cutOff } from "../cut-off.js";
import { AdminRefusal, type Route, route } from "../route.js";
import { endedShape, grantShape, next, pageQuery, sessionShape } from "../schemas.js";
import type { Filter } from "../storage.js";
import { nextOf } from "./paging.js";
import { findServer } from "./servers.js";

const filterQuery = pageQuery.extend({
  user: z.string().min(1).optional().describe("Of this person, by name."),
  client_id: z.string().min(1).optional().describe("Of this client."),
  server: z.string().min(1).optional().describe("At this server, by name."),
});

const cutOffBody = z.strictObject({
  user: z.string().min(1).optional().describe("What this person granted, by name."),
  client_id: z.string().min(1).optional().describe("What was granted to this client."),
  server: z.string().min(1).optional().describe("What was granted at this server, by name."),
  session_id: z.string().min(1).optional(),
  issued_before: z
    .int()
    .optional()
    .describe("Only sessions that began, or external tokens issued, before this time in seconds."),
  issuer: z
    .string()
    .min(1)
    .optional()
    .describe("Tokens of this external authorization server instead, issued until now."),
  subject: z.string().min(1).optional().describe("With `issuer`: of this subject."),
  all: z.literal(true).optional().describe("Everything."),
});

export const ACCESS_ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/grants",
    name: "listGrants",
    summary: "Who granted what to which client.",
    query: filterQuery,
    answer: z.object({ grants: z.array(grantShape), next }),
    refusals: ["not_found"],
    handle: async (parts, { query }) => {
      const rows = await parts.registry.grants(await filterOf(parts, query), query);
      const grants = await named(parts, rows, ({ scopes, ...grant }: Grant) => ({ ...grant, scopes: [...scopes] }));
      return { grants, next: nextOf(rows, query.limit, ({ id }) => id) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/grants/{id}",
    name: "revokeGrant",
    summary: "Ends one grant with all its sessions, within 2 seconds. One that is gone already ends nothing.",
    answer: endedShape,
    handle: async ({ sessions, system }, { params: { id } }) => ({
      sessions: await sessions.revoke({ grant_id: id ?? "" }, system.now()),
    }),
  }),
  route({
    method: "GET",
    path: "/v1/sessions",
    name: "listSessions",
    summary: "Live sessions: one a family of tokens.",
    query: filterQuery,
    answer: z.object({ sessions: z.array(sessionShape), next }),
    refusals: ["not_found"],
    handle: async (parts, { query }) => {
      const rows = await parts.registry.sessions(await filterOf(parts, query), query, parts.system.now());
      const sessions = await named(parts, rows, ({ scopes, dpop_jkt, ...session }: Session) => ({
        ...session,
        scopes: [...scopes],
        dpop: dpop_jkt !== undefined,
      }));
      return { sessions, next: nextOf(rows, query.limit, ({ id }) => id) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/sessions/{id}",
    name: "revokeSession",
    summary: "Ends one session with all that was exchanged from it, within 2 seconds. The grant stays.",
    answer: endedShape,
    handle: async ({ sessions, system }, { params: { id } }) => ({
      sessions: await sessions.revoke({ session_id: id ?? "" }, system.now()),
    }),
  }),
  route({
    method: "POST",
    path: "/v1/revocations",
    name: "revoke",
    summary:
      "Ends everything that matches all that is given, within 2 seconds: what somebody granted, what began before a time, everything.",
    body: cutOffBody,
    answer: z.object({
      sessions: z.int().describe("How many sessions ended."),
      sign_ins: z
        .int()
        .describe(
          "How many people's tokens of the identity provider ended: where only a person, a time or `all` is named.",
        ),
      external: z
        .array(
          z.object({
            issuer: z.string(),
            known: z.int().describe("How many callers it concerns that are known here."),
          }),
        )
        .describe("Authorization servers whose tokens are refused from now on."),
    }),
    refusals: ["not_found"],
    handle: async (parts, { body: { server, ...body } }) => {
      const resource = server === undefined ? undefined : findServer(parts, server).resource;
      return cutOff(parts, { ...body, resource } as CutOff);
    },
  }),
];

async function filterOf(
  parts: AdminParts,
  {
    user,
    client_id,
    server,
  }: {
    readonly user?: string | undefined;
    readonly client_id?: string | undefined;
    readonly server?: string | undefined;
  },
): Promise<Filter> {
  const sub = user === undefined ? undefined : (await parts.userStore.findByName(user))?.sub;
  if (user !== undefined && sub === undefined) {
    throw new AdminRefusal("not_found", `There is no user ${JSON.stringify(user)}.`);
  }
  return { sub, client_id, resource: server === undefined ? undefined : findServer(parts, server).resource };
}

/** Rows with the name of the person behind `sub`, each looked up once. */
async function named<Row extends { readonly sub: string }, Shown>(
  { userStore }: AdminParts,
  rows: readonly Row[],
  show: (row: Row) => Shown,
): Promise<(Shown & { user: string | undefined })[]> {
  const names = new Map<string, string | undefined>();
  for (const { sub } of rows) if (!names.has(sub)) names.set(sub, (await userStore.find(sub))?.name);
  return rows.map((row) => ({ ...show(row), user: names.get(row.sub) }));
}
