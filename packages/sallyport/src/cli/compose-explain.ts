import type { AccountOptions, ExplainOptions } from "../account/index.js";
import type { ComposedServer } from "./compose-server.js";
import type { Installation } from "./installation.js";
import { type RecordReader, readEntitlement, readPerson } from "./records.js";

export interface ExplainParts {
  readonly installation: Installation;
  readonly reader: RecordReader;
  readonly account: AccountOptions;
  /** Those whose tokens are ours. */
  readonly servers: readonly ComposedServer[];
}

/** What the page `/explain` asks of the records: the same as the gateway does for a call. */
export function composeExplain({ installation, reader, account, servers }: ExplainParts): ExplainOptions {
  const { users, roles } = installation.config.operators;
  return {
    account,
    issuer: reader.issuer,
    servers: () =>
      servers.map(({ installed: { name, title }, resource, policy, catalogue }) => ({
        name,
        title,
        resource,
        policy: policy.current,
        tools: catalogue.entries().map(({ tool }) => tool),
      })),
    isOperator: async (sub) => {
      const { user } = await readPerson(reader, sub);
      if (user === undefined || user.disabled) return false;
      if (installation.hasOwner) return user.owner;
      const names = [user.name, ...user.identities];
      return users.some((name) => names.includes(name)) || roles.some((role) => user.roles.includes(role));
    },
    entitlementOf: async (sub, name) => {
      const server = servers.find(({ installed }) => installed.name === name);
      if (server === undefined) return undefined;
      const { user, entitled } = await readEntitlement(reader, sub, server);
      return user === undefined || user.disabled ? undefined : { roles: user.roles, entitled };
    },
  };
}
