import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Every secret that went between clients, people and the program: what must be found nowhere else. */
export interface Canaries {
  readonly secrets: ReadonlyMap<string, string>;
  add(what: string, secret: string): void;
  stop(): void;
}

/** Shorter ones would be found by chance. */
const MIN_LENGTH = 8;

/**
 * Watches the platform's `fetch` of this process, in which clients and people live: cookies, codes in redirects, tokens in answers and
 * headers, secrets in forms.
 */
export function watchForCanaries(): Canaries {
  const secrets = new Map<string, string>();
  const add = (what: string, secret: string | null | undefined) => {
    if (typeof secret === "string" && secret.length >= MIN_LENGTH) secrets.set(secret, what);
  };
  const original = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    add("access token", request.headers.get("authorization")?.replace(/^\S+ /, ""));
    const response = await original(input, init);
    await note(response, add);
    return response;
  };
  return {
    secrets,
    add,
    stop: () => {
      globalThis.fetch = original;
    },
  };
}

async function note(response: Response, add: (what: string, secret: string | null | undefined) => void): Promise<void> {
  for (const line of response.headers.getSetCookie()) add("cookie", /^[^=]+=([^;]*)/.exec(line)?.[1]);
  const location = response.headers.get("location");
  if (location !== null && URL.canParse(location)) add("code", new URL(location).searchParams.get("code"));
  if (response.headers.get("content-type")?.startsWith("application/json") !== true) return;
  const body = (await response.clone().json()) as Readonly<Record<string, unknown>>;
  for (const name of ["access_token", "refresh_token", "client_secret", "registration_access_token"]) {
    if (typeof body[name] === "string") add(name, body[name]);
  }
}

/** A secret in any of the ways that bytes are written down. */
function spellings(secret: string): readonly Buffer[] {
  const plain = Buffer.from(secret);
  // A base64 text has three forms, by where it begins; the middle of it is the same.
  const encoded = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), plain])
      .toString("base64")
      .slice(shift === 0 ? 0 : 4, -4),
  );
  const escaped = encodeURIComponent(secret);
  return [plain, Buffer.from(escaped), plain.toString("hex"), ...encoded].map((each) => Buffer.from(each));
}

/** Names of the secrets that stand in one of these places: `cookie in sallyport.db`. */
export function findCanaries({ secrets }: Canaries, places: ReadonlyMap<string, Buffer>): readonly string[] {
  const found: string[] = [];
  for (const [secret, what] of secrets) {
    const forms = spellings(secret);
    for (const [place, bytes] of places) {
      if (forms.some((each) => bytes.includes(each))) found.push(`${what} in ${place}`);
    }
  }
  return found;
}

/** Every file below a folder, whole. */
export function filesBelow(folder: string, except: (name: string) => boolean = () => false): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, name);
    if (statSync(path).isFile() && !except(name)) files.set(name, readFileSync(path));
  }
  return files;
}
