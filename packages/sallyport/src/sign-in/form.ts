import { derive, isSame } from "./hash.js";
import { PageRefusal } from "./refusal.js";
import type { Site } from "./site.js";

const MAX_BYTES = 64 * 1024;

/** The fields of a form; each name at most once. */
export type Form = ReadonlyMap<string, string>;

/** What a page puts into its forms so that {@link checkToken} knows them again. */
export function formToken(secret: string): string {
  return derive(secret, "form");
}

/** @throws PageRefusal `stale_form` unless the form carries the token of `secret`. */
export function checkToken(form: Form, secret: string | undefined): void {
  if (secret === undefined || !isSame(form.get("csrf") ?? "", formToken(secret))) throw new PageRefusal("stale_form");
}

/**
 * A POST from our own page, or a refusal. Because the pages send `Referrer-Policy: no-referrer`, browsers say `Origin: null` for their
 * forms (Fetch §3.2); then, and in general, `Sec-Fetch-Site` must say `same-origin`. Neither header: refused.
 */
function checkOrigin(request: Request, site: Site): void {
  const origin = request.headers.get("origin");
  const fetchSite = request.headers.get("sec-fetch-site");
  const known = fetchSite === null ? origin === site.origin : fetchSite === "same-origin";
  const contradicts = origin !== null && origin !== site.origin && origin !== "null";
  if (!known || contradicts) throw new PageRefusal("foreign_origin");
}

/** Reads an `application/x-www-form-urlencoded` body of at most 64 KiB, after {@link checkOrigin}. */
export async function readForm(request: Request, site: Site): Promise<Form> {
  checkOrigin(request, site);
  return readMachineForm(request);
}

/** The same of a machine, which has no origin: for endpoints where no cookie counts. */
export async function readMachineForm(request: Request): Promise<Form> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") throw new PageRefusal("form_type");
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(await readBytes(request))) {
    if (form.has(name)) throw new PageRefusal("form_malformed");
    form.set(name, value);
  }
  return form;
}

/** The body of a POST from our own page, at most 64 KiB, after {@link checkOrigin}; for what is no form. */
export async function readText(request: Request, site: Site): Promise<string> {
  checkOrigin(request, site);
  return readBytes(request);
}

/** Whether whoever asks would rather have JSON than a page. */
export function takesJson(request: Request): boolean {
  return /^application\/json\b/i.test(request.headers.get("accept")?.trim() ?? "");
}

async function readBytes(request: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BYTES) throw new PageRefusal("form_size");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
