import { z } from "zod";
import type { Setting } from "./setting.js";

/** The admin API; off without `port`. */
export interface AdminConfig {
  readonly port?: number;
  readonly host: string;
  readonly token: { readonly file: string } | { readonly env: string };
}

export const ADMIN_SETTINGS: readonly Setting[] = [
  {
    path: "admin.port",
    type: z.number().int().min(0).max(65_535),
    env: "SALLYPORT_ADMIN_PORT",
    description: "TCP port of the [admin API](admin-api.md); 0 takes a free one. Absent: there is none.",
  },
  {
    path: "admin.host",
    type: z.string().min(1),
    default: "loopback",
    description:
      "`loopback` and `localhost` bind 127.0.0.1 and [::1]; any other value is an address to bind. Beyond loopback it needs `listen.tls`: the admin API then has the same certificate.",
  },
  {
    path: "admin.token",
    type: z.union([z.strictObject({ file: z.string().min(1) }), z.strictObject({ env: z.string().min(1) })]),
    default: { file: "./sallyport-admin.token" },
    description:
      "Where the token lies without which the admin API answers nothing, on loopback too: a file with mode 0600 (made if it is absent) or an environment variable, with 256 random bits as base64.",
  },
];
