import { z } from "zod";

/** One row of the table of settings. */
export interface Setting {
  /** Dotted path in the file; `*` stands for a name that the user chooses. */
  readonly path: string;
  readonly type: z.ZodType;
  /** Value when it is absent; a setting with neither default nor `required` is simply off. */
  readonly default?: unknown;
  readonly required?: true;
  /** Overrides the file. Numbers and booleans are read from their text. */
  readonly env?: string;
  /** One sentence or two, Markdown, with unit and bound where it is a number. */
  readonly description: string;
}

export const seconds = (max: number) => z.number().int().min(1).max(max);
export const scopeName = z
  .string()
  .regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, "a scope is printable ASCII without spaces, quotes and backslashes");
export const httpUrl = z.url({ protocol: /^https?$/, error: "must be an absolute http or https URL" });

/** A value that stands in the file, in an environment variable of Sallyport, or in a file. */
export const secretSource = z.union([
  z.string(),
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
]);
export type SecretSource = z.infer<typeof secretSource>;

/** What `sallyport secret set` takes as a name. */
export const SECRET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The same, or a name under which the store has it sealed; for what goes on to systems behind. */
export const sealableSource = z.union([
  secretSource,
  z.strictObject({ secret: z.string().regex(SECRET_NAME, "the name of a stored secret") }),
]);
export type SealableSource = z.infer<typeof sealableSource>;

/** What the flow itself decides is not the operator's to overwrite. */
const OWN_PARAMETER =
  /^(?:response_type|response_mode|client_id|redirect_uri|scope|state|nonce|code_challenge(?:_method)?|resource|request(?:_uri)?)$/;

/** Parameters that an operator adds to an authorization request. */
export const authorizationParameters = z.record(
  z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/)
    .refine((name) => !OWN_PARAMETER.test(name), "this parameter is set by Sallyport itself"),
  z.string(),
);

/** A text or several, for mappings that mostly have one. */
export const oneOrMore = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
export type OneOrMore = string | readonly string[];

export function listOf(value: OneOrMore | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}

/** https, or http on loopback: anything else would carry secrets in the clear. */
export function isSecureUrl(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
