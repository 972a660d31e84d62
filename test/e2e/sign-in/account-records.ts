import type { ClientMetadata } from "@sallyport/auth";
import type { AuthorizationServerStorage } from "@sallyport/auth/authorization-server";

const DAY = 86_400;

/** What somebody has after a few days: a registered client with two sessions, and one that is known by its domain. */
export async function addAccess(
  storage: AuthorizationServerStorage,
  sub: string,
  use: { now: number; resource: string },
) {
  const { now, resource } = use;
  const registered = "c-7d1f";
  const document = "https://claude.ai/oauth/mcp-oauth-client-metadata";
  await storage.clients.add({
    metadata: {
      client_id: registered,
      client_name: "Claude Code (everything)",
      redirect_uris: ["http://localhost/callback"],
    } as unknown as ClientMetadata,
    origin: "registered",
    secret_hash: undefined,
    created: now - 3 * DAY,
    expires: now + DAY,
  });
  const rows = [
    {
      id: "s1",
      client_id: registered,
      label: "Claude Code, 14 November",
      scopes: ["mcp:read", "mcp:write"],
      age: 3 * DAY,
      used: 420,
    },
    {
      id: "s2",
      client_id: registered,
      label: "Claude Code, 16 November",
      scopes: ["mcp:read"],
      age: DAY,
      used: 5 * 3600,
    },
    { id: "s3", client_id: document, label: "claude.ai, 16 November", scopes: ["mcp:read"], age: DAY, used: 40 },
  ];
  for (const { id, client_id, label, scopes, age, used } of rows) {
    const created = now - age;
    const grant = await storage.grants.widen({
      id: `g-${id}`,
      sub,
      client_id,
      resource,
      scopes,
      created,
      updated: created,
    });
    await storage.sessions.create(
      {
        id,
        grant_id: grant.id,
        sub,
        client_id,
        resource,
        scopes,
        dpop_jkt: undefined,
        label,
        auth_time: created,
        created,
        last_used: now - used,
        idle_expires: now - used + 30 * DAY,
        expires: created + 180 * DAY,
        revoked: undefined,
      },
      `refresh-${id}`,
    );
  }
}
