import type { Server } from "../server.js";

/** RFC 8628 §3.2: seconds between two questions of a device; 5 more each time it does not wait. */
export const INTERVAL = 5;

/** Under a name of its own, so that no code of one kind is ever found as one of the other. */
export async function deviceHash({ cryptography }: Server, device_code: string): Promise<string> {
  return cryptography.sha256(`device ${device_code}`);
}

export async function userHash({ cryptography }: Server, user_code: string): Promise<string> {
  return cryptography.sha256(`user ${user_code}`);
}
