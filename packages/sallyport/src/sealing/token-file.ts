import { base64url, type System } from "@sallyport/auth";
import { makeSecretFile, readSecretFile } from "./secret-file.js";

export interface TokenSource {
  /** A file with mode 0600, made when it is absent; or the name of an environment variable. */
  readonly source: { readonly file: string } | { readonly env: string };
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly system: Pick<System, "randomBytes">;
  /** What it is, for messages: "the admin token". */
  readonly what: string;
}

/** 256 bits as base64url have 43 characters; hexadecimal ones 64. */
const TOKEN = /^[A-Za-z0-9._~+/=-]{43,200}$/;

/**
 * A bearer token of 256 bits for a listener of our own.
 * @throws Error for one that is missing, too short to be random enough, or in a file that others can read. No message holds a part of it.
 */
export function loadToken({ source, environment, system, what }: TokenSource): string {
  const where = "file" in source ? `the file ${JSON.stringify(source.file)}` : `the environment variable ${source.env}`;
  const token = (
    "file" in source ? tokenOfFile(source.file, { what, system }) : (environment[source.env] ?? "")
  ).trim();
  if (token === "") throw new Error(`${where} is empty; it must hold 43 or more random characters`);
  if (!TOKEN.test(token)) {
    throw new Error(
      `${where} must hold one token of 43 or more of A-Z, a-z, 0-9 and ._~+/=- (256 random bits in base64)`,
    );
  }
  return token;
}

function tokenOfFile(file: string, { what, system }: Pick<TokenSource, "what" | "system">): string {
  const named = `${what}'s file`;
  const known = readSecretFile(file, named);
  if (known !== undefined) return known;
  makeSecretFile(file, named, { text: `${base64url(system.randomBytes(32))}\n`, from: system });
  return readSecretFile(file, named) ?? "";
}
