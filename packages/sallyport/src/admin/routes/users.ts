import { z } from "zod";
import type { UserSummary } from "../../sign-in/index.js";
import type { AdminParts } from "../contract.js";
import { AdminRefusal, type Route, route } from "../route.js";
import { codeShape, names, userShape } from "../schemas.js";
import { findServer } from "./servers.js";

export const USER_ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/users",
    name: "listUsers",
    summary: "Everybody, with how they sign in and what they may be granted beyond the configuration.",
    answer: z.object({ users: z.array(userShape) }),
    handle: async ({ users }) => ({ users: [...(await users.listUsers())].map(plain) }),
  }),
  route({
    method: "POST",
    path: "/v1/users",
    name: "addUser",
    summary: "Adds somebody and makes a sign-in code for them.",
    body: z.strictObject({ name: z.string().min(1).max(200), roles: names.default([]) }),
    status: 201,
    answer: z.object({ user: userShape, code: codeShape }),
    refusals: ["conflict"],
    handle: async ({ users }, { body: { name, roles } }) => {
      if ((await users.findUser(name)) !== undefined) {
        throw new AdminRefusal("conflict", `There is a user ${JSON.stringify(name)} already.`);
      }
      const { user, code } = await users.addUser(name, roles);
      return { user: await show({ users }, user.name), code };
    },
  }),
  route({
    method: "GET",
    path: "/v1/users/{user}",
    name: "showUser",
    summary: "One person, by name.",
    answer: userShape,
    refusals: ["not_found"],
    handle: (parts, { params }) => show(parts, params.user),
  }),
  route({
    method: "PATCH",
    path: "/v1/users/{user}",
    name: "changeUser",
    summary:
      "Disables or enables somebody, or replaces their roles. Disabling ends what they granted, within 2 seconds.",
    body: z
      .strictObject({ disabled: z.boolean().optional(), roles: names.optional() })
      .refine(({ disabled, roles }) => (disabled ?? roles) !== undefined, "name what to change: `disabled` or `roles`"),
    answer: userShape,
    refusals: ["not_found"],
    handle: async ({ users }, { params, body: { disabled, roles } }) => {
      const { name } = await show({ users }, params.user);
      if (roles !== undefined) await users.setRoles(name, roles);
      if (disabled !== undefined) await (disabled ? users.disableUser(name) : users.enableUser(name));
      return show({ users }, name);
    },
  }),
  route({
    method: "PUT",
    path: "/v1/users/{user}/entitlements/{server}",
    name: "allowUser",
    summary:
      "Replaces what somebody may grant to clients on a server beyond the configuration. An empty list takes it away.",
    body: z.strictObject({ scopes: names }),
    answer: userShape,
    refusals: ["not_found"],
    handle: async (parts, { params, body: { scopes } }) => {
      const { name } = await show(parts, params.user);
      const server = findServer(parts, params.server);
      const unknown = scopes.find((scope) => !server.scopes.includes(scope));
      if (unknown !== undefined) {
        const known = server.scopes.join(", ");
        throw new AdminRefusal(
          "request_refused",
          `body.scopes: there is no ${JSON.stringify(unknown)}; there are: ${known}`,
        );
      }
      await parts.users.allow(name, server.name, scopes);
      return show(parts, name);
    },
  }),
  route({
    method: "POST",
    path: "/v1/users/{user}/reset",
    name: "resetUser",
    summary: "Takes somebody's password and passkeys away and makes a new sign-in code.",
    answer: codeShape,
    refusals: ["not_found"],
    handle: async ({ users }, { params }) => {
      const { name } = await show({ users }, params.user);
      return users.resetUser(name);
    },
  }),
];

async function show({ users }: Pick<AdminParts, "users">, name = "") {
  const user = await users.findUser(name);
  if (user === undefined) throw new AdminRefusal("not_found", `There is no user ${JSON.stringify(name)}.`);
  return plain(user);
}

function plain({ roles, entitlements, ...user }: UserSummary) {
  return {
    ...user,
    roles: [...roles],
    entitlements: entitlements.map(({ server, scopes }) => ({ server, scopes: [...scopes] })),
  };
}
