import type { createMemoryStorage } from "@sallyport/auth/testing";
import { parseConfig } from "../../../config/load.js";
import { entitledScopes } from "../../../policy/entitlement.js";
import { createServerPolicy } from "../../../policy/server-policy.js";
import type { SignInStorage } from "../../../sign-in/storage.js";
import type { ExplainOptions } from "../contract.js";

/** One server with something hidden, something denied and something to step up to. */
export const FILE = `publicUrl: https://example.com
servers:
  crm:
    upstream: http://127.0.0.1:9001/mcp
    access:
      - { roles: [support], scopes: [crm:read, crm:write] }
      - { roles: [boss], scopes: [crm:read, crm:write, crm:payroll] }
    scopes:
      crm:read: { allow: [tools/get_*, prompts/**, resources/**] }
      crm:write: { includes: [crm:read], allow: [tools/update_*] }
      crm:payroll: { allow: [tools/payroll_*] }
    rules:
      - deny: tools/update_contact
        when: args.credit_limit > 10000.0
        because: Credit limits above 10 000 are set by finance.
      - deny: tools/get_secret
        because: Nobody reads that.
      - deny: requests/sampling
`;
export const TOOLS = ["get_contact", "get_secret", "update_contact", "payroll_run"];
export const RESOURCE = "https://example.com/mcp/crm";

/** Records of tests: roles are the user's own, operators have the role `operator`. */
export function createExplained(
  storage: () => Pick<SignInStorage, "users">,
  grants: ReturnType<typeof createMemoryStorage>,
): ExplainOptions {
  const config = parseConfig(FILE, { file: "sallyport.yaml", environment: {} });
  const { crm } = config.servers;
  if (crm === undefined) throw new TypeError("no server");
  const policy = createServerPolicy(config, { name: "crm", config: crm }, { scopeOf: () => undefined });
  const describeResource = async () => undefined;
  return {
    account: { storage: grants, describeResource },
    issuer: "https://example.com",
    servers: () => [{ name: "crm", title: "crm", resource: RESOURCE, policy, tools: TOOLS }],
    isOperator: async (sub) => (await storage().users.find(sub))?.roles.includes("operator") ?? false,
    entitlementOf: async (sub) => {
      const user = await storage().users.find(sub);
      if (user === undefined || user.disabled) return undefined;
      const entitled = entitledScopes({ user, scopes: policy.scopes, access: crm.access, allowed: [] });
      return { roles: user.roles, entitled };
    },
  };
}

/** A program with a grant on the server. */
export async function addGrant(
  { grants, clients }: ReturnType<typeof createMemoryStorage>,
  grant: { readonly sub: string; readonly client_id: string; readonly scopes: readonly string[]; readonly now: number },
): Promise<void> {
  const { sub, client_id, scopes, now } = grant;
  await clients.add({
    metadata: { client_id, client_name: `The ${client_id}` } as never,
    origin: "registered",
    secret_hash: undefined,
    created: now,
    expires: undefined,
  });
  await grants.widen({
    id: `g-${sub}-${client_id}`,
    sub,
    client_id,
    resource: RESOURCE,
    scopes,
    created: now,
    updated: now,
  });
}
