import type { User } from "../sign-in/storage.js";
import { normaliseUserName } from "../sign-in/user-name.js";
import type { Schema } from "./schema.js";
import { fromJson, orNull, orUndefined } from "./values.js";

export function userOf(row: Schema["users"]): User {
  const { sub, name, created } = row;
  return {
    sub,
    name,
    roles: fromJson(row.roles),
    owner: row.owner === 1,
    disabled: row.disabled === 1,
    password_hash: orUndefined(row.password_hash),
    created,
  };
}

export function rowOf({ sub, name, roles, owner, disabled, password_hash, created }: User): Schema["users"] {
  return {
    sub,
    name,
    name_key: normaliseUserName(name),
    roles: JSON.stringify(roles),
    owner: owner ? 1 : 0,
    disabled: disabled ? 1 : 0,
    password_hash: orNull(password_hash),
    created,
  };
}
