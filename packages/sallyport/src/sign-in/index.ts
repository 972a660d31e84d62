// What the other folders use of sign-in.
export { CALLBACK_PATH, foreignUserName, SIGNED_OUT_PATH } from "./foreign-routes.js";
export type { KeptSignIns, LogoutPorts, SignInOptions } from "./kit.js";
export { loadPasskeys } from "./passkeys.js";
export { loadPasswords } from "./password.js";
export { createSignIn, type SignIn } from "./sign-in.js";
export type * from "./storage.js";
export { createUsers, type IssuedCode, newUser, type UserSummary, type Users } from "./users.js";
