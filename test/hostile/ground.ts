import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { type CompactJWSHeaderParameters, CompactSign } from "jose";
import { loadMasterKey } from "../../packages/sallyport/src/sealing/master-key.js";
import { openStore, type Store } from "../../packages/sallyport/src/stores/store.js";
import { silentSystem } from "../fixtures/silent-system.js";
import { type Program, type ProgramOptions, ROOT, startProgram } from "../interop/program.js";
import { type RecordingUpstream, startRecordingUpstream } from "./recording-upstream.js";
import { consentForm, nextAddress, type Page, Visitor } from "./visitor.js";
import { send, type WireAnswer, type WireRequest } from "./wire.js";

export const CALLBACK = "http://127.0.0.1:49152/callback";

/** What an authorization ended with. */
export interface Granted {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly scope: string;
}

export interface Pkce {
  readonly verifier: string;
  readonly challenge: string;
}

/** The program, started as users do, in front of a server that writes down what arrives. */
export interface Ground {
  readonly program: Program;
  readonly upstream: RecordingUpstream;
  /** The program's own database: what an attacker never has, and what makes a forgery as good as it can be. */
  readonly store: Store;
  readonly owner: Visitor;
  ask(request: WireRequest): Promise<WireAnswer>;
  register(metadata?: object): Promise<string>;
  /** A JWS made with the server's own signing key. */
  sign(claims: object, header?: Partial<CompactJWSHeaderParameters>): Promise<string>;
  authorizationUrl(client_id: string, pkce: Pkce, change?: Readonly<Record<string, string | undefined>>): URL;
  /** As far as the consent page. */
  consent(visitor: Visitor, url: URL): Promise<Page>;
  /** The whole flow. */
  grant(visitor: Visitor, client_id: string, scope?: string): Promise<Granted>;
  token(form: Readonly<Record<string, string>>): Promise<WireAnswer>;
  /** An operator's command against this installation. Answers its standard output. */
  operate(...args: readonly string[]): Promise<string>;
  invite(name: string, scopes: readonly string[]): Promise<Visitor>;
  close(): Promise<void>;
}

export function createPkce(): Pkce {
  const verifier = randomBytes(32).toString("base64url");
  return { verifier, challenge: createHash("sha256").update(verifier).digest("base64url") };
}

export const form = (fields: Readonly<Record<string, string | undefined>>): string =>
  new URLSearchParams(
    Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined),
  ).toString();

export const FORM_TYPE = ["content-type", "application/x-www-form-urlencoded"] as const;
const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");

export async function prepareGround(options: Partial<ProgramOptions> = {}): Promise<Ground> {
  const upstream = await startRecordingUpstream();
  const { arguments: more = [] } = options;
  // A command of the test's own stands instead of the recording server, which then records nothing.
  const target = more.includes("--") ? [] : ["--url", upstream.url];
  const program = await startProgram({ ...options, arguments: [...target, ...more] });
  const { mcpUrl, issuer, dataDir } = program;
  const system = silentSystem();
  const world = join(dataDir, "default");
  const masterKey = loadMasterKey({ file: join(world, "master.key"), system });
  const store = await openStore({ url: `sqlite:${join(world, "sallyport.db")}`, masterKey, system });
  upstream.forget();

  const ground: Ground = {
    program,
    upstream,
    store,
    owner: new Visitor({ code: () => program.ownerCode() }),
    ask: (request) => send(mcpUrl, request),
    register: async (metadata = {}) => {
      const body = JSON.stringify({
        client_name: "Editor",
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: "none",
        ...metadata,
      });
      const answer = await send(mcpUrl, { path: "/register", headers: [["content-type", "application/json"]], body });
      if (answer.status !== 201) throw new Error(`registration: ${answer.status} ${answer.text}`);
      return JSON.parse(answer.text).client_id;
    },
    sign: async (claims, header = {}) => {
      const { kid, alg, privateKey } = await store.keys.current();
      const bytes = new TextEncoder().encode(JSON.stringify(claims));
      return new CompactSign(bytes)
        .setProtectedHeader({ alg, kid, typ: "at+jwt", ...header })
        .sign(privateKey, { crit: { "urn:unknown": true } });
    },
    authorizationUrl: (client_id, { challenge }, change = {}) => {
      const url = new URL(`${issuer}/authorize`);
      const parameters = {
        response_type: "code",
        client_id,
        redirect_uri: CALLBACK,
        state: "kept",
        code_challenge: challenge,
        code_challenge_method: "S256",
        resource: mcpUrl,
        ...change,
      };
      url.search = form(parameters);
      return url;
    },
    consent: (visitor, url) => visitor.walk(url),
    grant: async (visitor, client_id, scope = "mcp:write") => {
      const pkce = createPkce();
      const page = await visitor.walk(ground.authorizationUrl(client_id, pkce, { scope }));
      const done = await visitor.submit(page, consentForm(page), { button: "approve" });
      const code = nextAddress(done)?.searchParams.get("code");
      if (typeof code !== "string") throw new Error(`no code: ${done.status} ${done.html}`);
      const fields = { grant_type: "authorization_code", code, client_id, redirect_uri: CALLBACK };
      const answer = await ground.token({ ...fields, code_verifier: pkce.verifier });
      if (answer.status !== 200) throw new Error(`token: ${answer.status} ${answer.text}`);
      return JSON.parse(answer.text);
    },
    token: (fields) => send(mcpUrl, { path: "/token", headers: [FORM_TYPE], body: form(fields) }),
    operate: async (...args) => {
      const own = ["--data-dir", dataDir];
      return (await promisify(execFile)(process.execPath, [LAUNCHER, ...args, ...own])).stdout;
    },
    invite: async (name, scopes) => {
      const said = await ground.operate("user", "add", name);
      if (scopes.length > 0) await ground.operate("user", "allow", name, ...scopes);
      const [code = ""] = /(?:[0-9A-Z]{4}-){6}[0-9A-Z]{4}/.exec(said) ?? [];
      return new Visitor({ code: () => code, userName: name });
    },
    close: async () => {
      await store.close();
      try {
        await program.stop();
      } finally {
        await upstream.close();
      }
    },
  };
  return ground;
}

/** One JSON-RPC request as a legacy client sends it. */
export const rpc = (method: string, params: object = {}, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });
export const call = (name: string, args: object = {}, id: unknown = 1) =>
  rpc("tools/call", { name, arguments: args }, id);

export const bearer = (token: string) => ["authorization", `Bearer ${token}`] as const;
export const JSON_TYPE = ["content-type", "application/json"] as const;
export const ACCEPT = ["accept", "application/json, text/event-stream"] as const;

/** What every well-formed call carries. */
export const headersOf = (token: string): readonly (readonly [string, string])[] => [bearer(token), JSON_TYPE, ACCEPT];

/** Rows for `test.each`, so that a title is printed whole. */
export function titled<Row extends { readonly title: string }>(rows: readonly Row[]): (readonly [string, Row])[] {
  return rows.map((row) => [row.title, row] as const);
}
