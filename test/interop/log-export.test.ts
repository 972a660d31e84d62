import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createCertificate, type TestCertificate } from "../fixtures/certificate.js";
import { startSdk2Server } from "../fixtures/sdk2-server.js";
import { createPerson, createStrictClient, type Program, ROOT, startProgram } from "./harness.js";

const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");
const folder = mkdtempSync(join(tmpdir(), "sallyport-export-"));
const file = join(folder, "sallyport.yaml");
const good = createCertificate(["localhost"]);
const wrong = createCertificate(["localhost"]);
const WAIT = { timeout: 40_000, interval: 100 };

/** Every record in a text, by chain and number: `seq` and `prev` are the same wherever it goes. */
const recordsIn = (text: string) => new Set([...text.matchAll(/\\?"seq\\?":(\d+)/g)].map(([, seq]) => Number(seq)));

/** A syslog receiver over TLS that keeps what it is sent and can go away and come back at the same port. */
class SyslogReceiver {
  received = "";
  refused = 0;
  port = 0;
  #stop: (() => Promise<void>) | undefined;

  async start({ cert, key }: TestCertificate): Promise<void> {
    const sockets = new Set<TLSSocket>();
    const server = createTlsServer({ cert, key }, (socket) => {
      sockets.add(socket.on("error", () => {}));
      socket.on("data", (bytes) => {
        this.received += bytes.toString("utf8");
      });
    });
    server.on("tlsClientError", () => {
      this.refused += 1;
    });
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    this.#stop = async () => {
      for (const socket of sockets) socket.end();
      await new Promise((resolve) => server.close(resolve));
    };
  }

  async stop(): Promise<void> {
    await this.#stop?.();
    this.#stop = undefined;
  }
}

const syslog = new SyslogReceiver();
let collected = "";
let collectorAnswers = 200;
let collector: HttpServer;
let upstream: Awaited<ReturnType<typeof startSdk2Server>>;
let program: Program;

beforeAll(async () => {
  upstream = await startSdk2Server();
  await syslog.start(wrong);
  collector = createHttpServer((request, response) => {
    let body = "";
    request.on("data", (bytes) => {
      body += bytes;
    });
    request.on("end", () => {
      if (collectorAnswers === 200 && request.headers.authorization === "Bearer collect") collected += body;
      response.writeHead(collectorAnswers).end("{}");
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  writeFileSync(join(folder, "ca.pem"), good.cert);
  writeFileSync(
    file,
    `
listen: { port: 0 }
servers:
  notes:
    upstream: ${upstream.url}
    access: [{ roles: [support], scopes: [mcp:read, mcp:write] }]
log:
  export:
    - { to: "syslog+tls://localhost:${syslog.port}", format: jsonl, ca: ca.pem }
    - { to: "otlp+http://127.0.0.1:${(collector.address() as AddressInfo).port}", format: jsonl, headers: { authorization: { env: COLLECTOR } } }
    - { to: sent.jsonl, format: jsonl }
`,
  );
  program = await startProgram({
    subcommand: "serve",
    arguments: [file],
    environment: { COLLECTOR: "Bearer collect" },
  });
});

afterAll(async () => {
  await program?.stop();
  await syslog.stop();
  collector?.close();
  await upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Somebody of the support who calls with a client of the SDK. */
async function signedIn(): Promise<(times: number) => Promise<void>> {
  const invited = [LAUNCHER, "user", "add", "sam", "--role", "support", "--config", file];
  const said = execFileSync(process.execPath, invited, { encoding: "utf8" });
  const code = /Sign-in code: (\S+)/.exec(said)?.[1] ?? expect.unreachable(said);
  const url = `${program.issuer}/mcp/notes`;
  const person = createPerson({ code: () => code, userName: "sam" });
  const { access_token } = await (await createStrictClient(url)).authorize(person, { scope: "mcp:read" });
  const client = new Client({ name: "caller", version: "1.0.0" });
  const requestInit = { headers: { authorization: `Bearer ${access_token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  return async (times) => {
    for (let call = 0; call < times; call++) await client.callTool({ name: "read_note", arguments: { name: "a" } });
  };
}

/** Numbers of all decisions of the log itself. */
function recorded(): ReadonlySet<number> {
  const flags = ["log", "export", "--format", "jsonl", "--config", file];
  return recordsIn(execFileSync(process.execPath, [LAUNCHER, ...flags], { encoding: "utf8" }));
}

test("what a started program records reaches a file, a collector and a syslog receiver over TLS, whichever of them was away or not who it should be", async () => {
  const call = await signedIn();
  await call(5);
  // The receiver shows a certificate that nobody vouches for: nothing is sent there, and the others have everything.
  await vi.waitFor(() => expect(program.log()).toContain("not exported"), WAIT);
  expect(program.log()).toMatch(/"to":"syslog\+tls:\/\/localhost:\d+","error":"Error: self-signed certificate"/);
  await vi.waitFor(() => expect(recordsIn(readFileSync(join(folder, "sent.jsonl"), "utf8"))).toEqual(recorded()), WAIT);
  await vi.waitFor(() => expect(recordsIn(collected)).toEqual(recorded()), WAIT);
  expect(recorded().size).toBeGreaterThanOrEqual(5);
  expect([syslog.received, syslog.refused > 0]).toEqual(["", true]);

  await syslog.stop();
  await syslog.start(good);
  await vi.waitFor(() => expect(recordsIn(syslog.received)).toEqual(recorded()), WAIT);

  // Both receivers go away while calls go on, and come back.
  await syslog.stop();
  collectorAnswers = 503;
  await call(5);
  const before = recordsIn(collected).size;
  await vi.waitFor(() => expect(recordsIn(readFileSync(join(folder, "sent.jsonl"), "utf8"))).toEqual(recorded()), WAIT);
  expect(recordsIn(collected).size).toBe(before);
  await syslog.start(good);
  collectorAnswers = 200;
  await call(5);
  await vi.waitFor(() => expect(recordsIn(syslog.received)).toEqual(recorded()), WAIT);
  await vi.waitFor(() => expect(recordsIn(collected)).toEqual(recorded()), WAIT);
  expect(recorded().size).toBeGreaterThanOrEqual(15);
  // Octet counting all the way, and no token in it.
  expect(syslog.received).toMatch(/^\d+ <\d+>1 /);
  expect(syslog.received).not.toMatch(/eyJ/);
}, 150_000);
