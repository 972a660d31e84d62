import { z } from "zod";

/* Shapes of the admin API. Answers are cut down to these: a member that is not listed here never leaves. */

const seconds = z.int().describe("Seconds since 1970.");

export const userShape = z
  .object({
    sub: z.string().describe("The `sub` of tokens; never changes and is never used again."),
    name: z.string(),
    roles: z.array(z.string()).describe("Roles given here; those from an identity provider are not among them."),
    owner: z.boolean(),
    disabled: z.boolean(),
    password: z.boolean().describe("Whether there is one."),
    passkeys: z.int().describe("How many."),
    entitlements: z
      .array(z.object({ server: z.string(), scopes: z.array(z.string()) }))
      .describe("What may be granted beyond the configuration."),
    created: seconds,
  })
  .meta({ id: "User" });

export const codeShape = z
  .object({
    code: z.string().describe("A sign-in code that works once. It is shown nowhere else."),
    expires: seconds,
  })
  .meta({ id: "SignInCode" });

export const clientShape = z
  .object({
    client_id: z.string(),
    kind: z.enum(["configured", "registered", "document"]),
    client_name: z.string().optional().describe("Its own word, but for configured ones."),
    redirect_uris: z.array(z.string()).optional(),
    token_endpoint_auth_method: z.string().optional(),
    created: seconds.optional(),
    expires: seconds.optional().describe("When an unused registration goes."),
    host: z.string().optional().describe("Of a document."),
    unlisted: z.boolean().optional().describe("A document that the list under `report` would refuse."),
    first_seen: seconds.optional(),
    last_seen: seconds.optional(),
  })
  .meta({ id: "Client" });

export const documentShape = z
  .object({
    client_id: z.string(),
    host: z.string(),
    client_name: z.string().optional(),
    unlisted: z.boolean(),
    first_seen: seconds,
    last_seen: seconds,
  })
  .meta({ id: "ClientDocument" });

export const grantShape = z
  .object({
    id: z.string(),
    sub: z.string(),
    user: z
      .string()
      .optional()
      .describe("Name of the person; absent for a client that was granted something for itself."),
    client_id: z.string(),
    resource: z.string(),
    scopes: z.array(z.string()),
    created: seconds,
    updated: seconds.describe("When something was last consented to."),
  })
  .meta({ id: "Grant" });

export const sessionShape = z
  .object({
    id: z.string(),
    grant_id: z.string(),
    parent_id: z.string().optional().describe("The session whose token was exchanged for this one."),
    sub: z.string(),
    user: z.string().optional(),
    client_id: z.string(),
    resource: z.string(),
    scopes: z.array(z.string()),
    label: z.string(),
    dpop: z.boolean().describe("Whether its tokens are bound to a key."),
    created: seconds,
    last_used: seconds,
    idle_expires: seconds,
    expires: seconds,
  })
  .meta({ id: "Session" });

export const toolShape = z
  .object({
    tool: z.string(),
    scope: z.string().describe("What a call needs now."),
    frozen_scope: z.string().describe("What it needs when a changed definition is accepted."),
    changed: z.boolean().describe("The definition waits to be accepted."),
  })
  .meta({ id: "Tool" });

export const serverShape = z
  .object({
    name: z.string(),
    resource: z.string(),
    scopes: z.array(z.string()),
    issuers: z.array(z.string()).describe("Authorization servers accepted instead of ours."),
    tools: z.int().describe("How many are known."),
    waiting: z.int().describe("How many of them wait to be accepted."),
  })
  .meta({ id: "Server" });

export const endedShape = z.object({ sessions: z.int().describe("How many sessions ended.") }).meta({ id: "Ended" });

export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe("Rows at most."),
  after: z.string().min(1).optional().describe("`next` of the page before."),
});

/** `next` is absent on the last page. */
export const next = z.string().optional().describe("Give it as `after` for the next page; absent on the last one.");

export const names = z.array(z.string().trim().min(1).max(200)).max(100);
