import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Agent, buildConnector, fetch, type RequestInit, type Response } from "undici";
import { loadMasterKey } from "../../packages/sallyport/src/sealing/master-key.js";
import { openStore, type Store } from "../../packages/sallyport/src/stores/store.js";
import { freePort } from "../fixtures/postgres.js";
import { silentSystem } from "../fixtures/silent-system.js";
import { noteExchange } from "../fixtures/watched-program.js";
import { type RecordingUpstream, startRecordingUpstream } from "../hostile/recording-upstream.js";
import { type Program, ROOT, startProgram } from "../interop/program.js";

export const CALLBACK = "http://127.0.0.1:49152/callback";
const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");

/** One of several processes of one installation, as a load balancer reaches it: the public name, its own port. */
export interface Replica {
  readonly program: Program;
  /** `path` below the public URL. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  token(form: Readonly<Record<string, string>>): Promise<{ readonly status: number; readonly body: TokenAnswer }>;
  close(): Promise<void>;
}

export interface TokenAnswer {
  readonly access_token?: string;
  readonly refresh_token?: string;
  readonly error?: string;
}

/** One installation that runs as two processes on one store. */
export interface Installation {
  readonly issuer: string;
  /** Of configuration files, key and SQLite file. */
  readonly folder: string;
  readonly resource: string;
  readonly replicas: readonly [Replica, Replica];
  /** The store as a third process has it. */
  readonly store: Store;
  readonly upstream: RecordingUpstream;
  /** `sallyport …` at a second terminal. Answers its standard output. */
  operate(...words: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** Further lines of the configuration, at the top and of its one server. */
export interface MoreSettings {
  readonly top: string;
  readonly server: string;
}

/** Starts both at the same moment on a store that nobody has made yet. */
/** Of the client `agent`, which may hand on what it got. */
export const AGENT_SECRET = "a secret of the agent";

export async function startInstallation(
  storage: string,
  more: (issuer: string) => Promise<MoreSettings> = async () => ({ top: "", server: "" }),
): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-replicas-"));
  const upstream = await startRecordingUpstream();
  const ports = [await freePort(), await freePort()] as const;
  const issuer = `http://localhost:${ports[0]}`;
  const { top, server } = await more(issuer);
  const files = ports.map((port) => join(folder, `${port}.yaml`));
  for (const [index, file] of files.entries()) {
    writeFileSync(
      file,
      `
publicUrl: ${issuer}
listen: { port: ${ports[index]} }
storage: ${JSON.stringify(storage)}
masterKey: { file: ./master.key }
registration: { perHour: 1000 }
clients:
  agent: { name: Agent, secret: ${AGENT_SECRET}, redirectUris: ["${CALLBACK}"], exchange: [] }
${top}
servers:
  notes:
    upstream: ${upstream.url}
    access: [{ roles: [support], scopes: [mcp:read, mcp:write] }]
    ${server}
`,
    );
  }
  const [first, second] = await Promise.all(
    files.map((file) => startProgram({ subcommand: "serve", arguments: [file] })),
  );
  if (first === undefined || second === undefined) throw new Error("two processes were started");
  const store = await openStore({
    url: storage.startsWith("sqlite:") ? `sqlite:${join(folder, storage.slice("sqlite:".length))}` : storage,
    masterKey: loadMasterKey({ file: join(folder, "master.key"), system: silentSystem() }),
    system: silentSystem(),
  });
  const replicas = [createReplica(first, issuer, ports[0]), createReplica(second, issuer, ports[1])] as const;
  return {
    issuer,
    folder,
    resource: `${issuer}/mcp/notes`,
    replicas,
    store,
    upstream,
    operate: async (...words) => {
      const command = [LAUNCHER, ...words, "--config", files[0] ?? ""];
      const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: ROOT });
      return stdout;
    },
    close: async () => {
      await Promise.all(replicas.map((replica) => replica.close()));
      await store.close();
      await upstream.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function createReplica(program: Program, issuer: string, port: number): Replica {
  const connect = buildConnector({});
  const dispatcher = new Agent({
    connect: (options, callback) => connect({ ...options, hostname: "127.0.0.1", port: String(port) }, callback),
  });
  const ask: Replica["fetch"] = async (path, init) => {
    const response = await fetch(issuer + path, { ...init, dispatcher });
    const text = path === "/token" || path === "/register" ? await response.clone().text() : "";
    const answer = { headers: new Headers([...response.headers]), text: () => text };
    noteExchange(issuer, { headers: new Headers(init?.headers as Record<string, string> | undefined), answer });
    return response;
  };
  return {
    program,
    fetch: ask,
    async token(form) {
      const response = await ask("/token", { method: "POST", body: new URLSearchParams(form) });
      return { status: response.status, body: (await response.json()) as TokenAnswer };
    },
    async close() {
      await dispatcher.destroy();
      await program.stop();
    },
  };
}

const VERSION = "2026-07-28";
const META = {
  "io.modelcontextprotocol/protocolVersion": VERSION,
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
};

/** A call as of 2026-07-28: `tools/list`, or a tool by its name. */
export function call(replica: Replica, token: string, tool?: string): Promise<Response> {
  const method = tool === undefined ? "tools/list" : "tools/call";
  return replica.fetch("/mcp/notes", {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": VERSION,
      "mcp-method": method,
      ...(tool === undefined ? {} : { "mcp-name": tool }),
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method,
      params: { _meta: META, ...(tool === undefined ? {} : { name: tool, arguments: {} }) },
    }),
  });
}

export async function statusOf(replica: Replica, token: string): Promise<number> {
  const response = await call(replica, token);
  await response.arrayBuffer();
  return response.status;
}

export interface Person {
  readonly sub: string;
  readonly name: string;
}

export interface Redeemable {
  readonly code: string;
  readonly session_id: string;
  /** For the token endpoint. */
  readonly form: Readonly<Record<string, string>>;
}

/** Registered, agreed to, and about to come back with codes: what the consent page writes, without a browser for each. */
export async function preparePerson(installation: Installation, roles = ["support"]): Promise<Person> {
  const name = `p${randomBytes(6).toString("hex")}`;
  const user = { sub: name, name, roles, owner: false, disabled: false, password_hash: undefined, created: seconds() };
  await installation.store.users.add(user);
  return { sub: name, name };
}

export async function register({ replicas: [first] }: Installation): Promise<string> {
  const response = await first.fetch("/register", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "Replica test",
      redirect_uris: [CALLBACK],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    }),
  });
  return ((await response.json()) as { client_id: string }).client_id;
}

export async function makeCode(installation: Installation, person: Person, client_id: string): Promise<Redeemable> {
  const { store, resource } = installation;
  const now = seconds();
  const scopes = ["mcp:read"];
  const wanted = { id: randomBytes(12).toString("hex"), sub: person.sub, client_id, resource, scopes };
  const grant = await store.grants.widen({ ...wanted, created: now, updated: now });
  const code = randomBytes(32).toString("base64url");
  const verifier = randomBytes(32).toString("base64url");
  const session_id = randomBytes(16).toString("base64url");
  await store.codes.save(sha256(code), {
    client_id,
    redirect_uri: CALLBACK,
    code_challenge: sha256(verifier),
    sub: person.sub,
    resource,
    scopes,
    grant_id: grant.id,
    session_id,
    dpop_jkt: undefined,
    auth_time: now,
    expires: now + 60,
  });
  const form = { grant_type: "authorization_code", client_id, code, redirect_uri: CALLBACK, code_verifier: verifier };
  return { code, session_id, form };
}

export interface LiveSession {
  readonly id: string;
  readonly access_token: string;
  readonly refresh_token: string;
}

export async function openSession(installation: Installation, person: Person, client: string): Promise<LiveSession> {
  const { form, session_id } = await makeCode(installation, person, client);
  const { status, body } = await installation.replicas[0].token(form);
  if (status !== 200) throw new Error(`no tokens: ${status} ${JSON.stringify(body)}`);
  return { id: session_id, access_token: body.access_token ?? "", refresh_token: body.refresh_token ?? "" };
}

export function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
