import { z } from "zod";
import { type SealableSource, type Setting, sealableSource } from "./setting.js";

/** One of `egress`: where stdio servers may go with a credential that they do not have. */
export interface EgressConfig {
  readonly url: string;
  readonly methods: readonly string[];
  readonly paths: readonly string[];
  readonly header: string;
  readonly scheme?: string;
  readonly value: SealableSource | { readonly connect: string };
}

/** A value of `servers.*.env`. */
export type EnvSource = SealableSource | { readonly connect: string } | { readonly proxy: string };

export const envSource = z.union([
  sealableSource,
  z.strictObject({ connect: z.string().min(1) }),
  z.strictObject({ proxy: z.string().min(1) }),
]);

/** Those that speak of one connection, of the message or of its way are not the operator's to set. */
const NOT_SETTABLE =
  /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*|date|via)$/i;

const egress = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: "an absolute http or https URL" }),
  methods: z
    .array(z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]))
    .min(1)
    .default(["GET", "HEAD"]),
  paths: z.array(z.string().startsWith("/", "begins with a slash").max(1024)).min(1),
  header: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,99}$/, "the name of a header")
    .refine((name) => !NOT_SETTABLE.test(name), "this header is set by Sallyport itself")
    .default("Authorization"),
  scheme: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,30}$/, "a word, such as Bearer")
    .optional(),
  value: z.union([sealableSource, z.strictObject({ connect: z.string().min(1) })]),
});

export const EGRESS_SETTINGS: readonly Setting[] = [
  {
    path: "egress.*",
    type: egress,
    description:
      "A way out for stdio servers that are not to hold a credential themselves, for `servers.*.env: { NAME: { proxy: <name> } }`: `url` (scheme, host and port of the one place it leads to), `methods` (default GET and HEAD), `paths` (globs over the decoded path; `*` does not cross `/`), `header` (default `Authorization`), `value` (a text, `{ env }`, `{ file }`, `{ secret }`, or `{ connect }` for the person's own token) and `scheme`, a word before it such as `Bearer`. See [credentials.md](credentials.md).",
  },
];
