import { createSocket } from "node:dgram";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, it, onTestFinished, test, vi } from "vitest";
import { createCertificate } from "../../../../test/fixtures/certificate.js";
import { exportNew, followExport } from "./export-run.js";
import { readTail, tailEnd } from "./tail.js";
import { createTarget } from "./targets.js";
import { decided, logFolder, openTestLog } from "./testing/log-folder.js";

const about = { version: "1.0", host: "here", pid: 1, timeoutMs: 5_000 };
const opened = (to: string, more = {}) => {
  const target = createTarget(to, { ...about, ...more });
  onTestFinished(() => target.close().catch(() => {}));
  return target;
};

/** A log with so many records, more of which can be added. */
async function logOf(records: number, limits = {}) {
  const folder = logFolder();
  const { chain, recorder } = await openTestLog(folder, { limits });
  let id = 0;
  const add = async (many: number) => {
    for (const end = id + many; id < end; id++) recorder.record(decided({ id, tool: `tool_${id}` }));
    await chain.durable();
  };
  await add(records);
  onTestFinished(() => chain.close());
  return { folder, add, positionFile: join(folder, "sent.json") };
}

const run = (folder: string, target: ReturnType<typeof createTarget>, more = {}) =>
  ({ folder, target, format: "jsonl", version: "1.0", ...more }) as const;
const idsIn = (text: string) => [...text.matchAll(/"requestId":(\d+)/g)].map(([, id]) => Number(id));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

async function tcpReceiver(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function httpReceiver(listener: RequestListener): Promise<number> {
  const server = createHttpServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test("a file that cannot be opened is opened by a later send, once it can be", async () => {
  const { folder } = await logOf(2);
  const place = join(folder, "later", "out.jsonl");
  const target = opened(place);
  await expect(exportNew(run(folder, target))).rejects.toThrow("ENOENT");
  await target.close();
  mkdirSync(join(folder, "later"));
  expect(await exportNew(run(folder, target))).toBe(2);
  expect(idsIn(readFileSync(place, "utf8"))).toEqual([0, 1]);
});

describe("a log is read on from where it was left", () => {
  test("over segments, without the end of a line that is not whole, and from its end where that is wanted", async () => {
    const { folder, add } = await logOf(40, { segmentBytes: 5_000 });
    const seen: number[] = [];
    let position = {};
    for (let read = readTail(folder, position); read.records.length > 0; read = readTail(folder, position)) {
      seen.push(...read.records.map(({ requestId }) => Number(requestId)));
      position = read.position;
    }
    expect(seen).toEqual(numbers(0, 40));
    expect(readTail(folder, tailEnd(folder)).records).toEqual([]);
    await add(3);
    expect(readTail(folder, position).records.map(({ requestId }) => requestId)).toEqual([40, 41, 42]);
  });

  test("a line still being written waits for its end", () => {
    const folder = logFolder();
    const line = '{"seq":0,"prev":"","type":"decision","time":1,"server":"crm"}';
    const file = join(folder, "1800000000-0123456789abcdef.000001.log.jsonl");
    writeFileSync(file, `${line}\n${line.slice(0, 20)}`);
    const { records, position } = readTail(folder, {});
    expect(records).toHaveLength(1);
    expect(readTail(folder, position)).toEqual({ records: [], position });
    writeFileSync(file, `${line}\n${line}\n`);
    expect(readTail(folder, position).records).toHaveLength(1);
  });
});

describe("targets", () => {
  it("a file gets lines, and nothing twice", async () => {
    const { folder, add, positionFile } = await logOf(3);
    const path = join(folder, "out.jsonl");
    expect(await exportNew(run(folder, opened(path), { positionFile }))).toBe(3);
    expect(await exportNew(run(folder, opened(path), { positionFile }))).toBe(0);
    await add(2);
    expect(await exportNew(run(folder, opened(path), { positionFile }))).toBe(2);
    expect(idsIn(readFileSync(path, "utf8"))).toEqual(numbers(0, 5));
  });

  it("syslog over UDP gets a datagram each", async () => {
    const { folder } = await logOf(3);
    const socket = createSocket("udp4");
    const messages: string[] = [];
    socket.on("message", (bytes) => messages.push(bytes.toString("utf8")));
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    onTestFinished(() => void socket.close());
    expect(await exportNew(run(folder, opened(`syslog://127.0.0.1:${socket.address().port}`)))).toBe(3);
    await vi.waitFor(() => expect(messages).toHaveLength(3));
    expect(messages[0]).toMatch(/^<110>1 .* sallyport 1 allow - \{"type"|^<110>1 .* allow - \{/);
  });

  it("syslog over TCP gets counted octets, and what comes later over a new connection", async () => {
    const { folder, add, positionFile } = await logOf(2);
    const received: string[] = ["", ""];
    let connections = 0;
    const port = await tcpReceiver((socket) => {
      const which = connections++;
      socket.on("data", (bytes) => {
        received[which] += bytes.toString("utf8");
      });
    });
    const target = opened(`syslog+tcp://127.0.0.1:${port}`);
    expect(await exportNew(run(folder, target, { positionFile }))).toBe(2);
    await target.close();
    await add(1);
    expect(await exportNew(run(folder, target, { positionFile }))).toBe(1);
    await vi.waitFor(() => expect(received.map(idsIn)).toEqual([[0, 1], [2]]));
    const [, length = "", message = ""] = /^(\d+) (.*)$/s.exec(received[1] ?? "") ?? [];
    expect(Buffer.byteLength(message)).toBe(Number(length));
  });

  it("a receiver that is not there keeps nothing from being sent later", async () => {
    const { folder, positionFile } = await logOf(2);
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, "127.0.0.1", resolve));
    const { port: free } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    await expect(exportNew(run(folder, opened(`syslog+tcp://127.0.0.1:${free}`), { positionFile }))).rejects.toThrow();
    expect(existsSync(positionFile)).toBe(false);
  });

  it("OTLP gets batches with its headers; an error or a partial success sends them again", async () => {
    const { folder, positionFile } = await logOf(3);
    const answers = [
      [503, ""],
      [200, '{"partialSuccess":{"rejectedLogRecords":"1"}}'],
      [200, "{}"],
    ] as const;
    const bodies: string[] = [];
    let headers: unknown;
    const port = await httpReceiver((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += chunk));
      request.on("end", () => {
        const [status, text] = answers[bodies.length] ?? [500, ""];
        bodies.push(body);
        headers = [request.method, request.url, request.headers["content-type"], request.headers["x-key"]];
        response.writeHead(status).end(text);
      });
    });
    const target = opened(`otlp+http://127.0.0.1:${port}`, { headers: { "x-key": "k" } });
    await expect(exportNew(run(folder, target, { positionFile }))).rejects.toThrow("503");
    await expect(exportNew(run(folder, target, { positionFile }))).rejects.toThrow("rejected 1");
    expect(await exportNew(run(folder, target, { positionFile }))).toBe(3);
    expect(headers).toEqual(["POST", "/v1/logs", "application/json", "k"]);
    expect(new Set(bodies).size).toBe(1);
    expect(JSON.parse(bodies[0] ?? "").resourceLogs[0].scopeLogs[0].logRecords).toHaveLength(3);
  });

  it("a redirect is not followed: the log goes where it was told to", async () => {
    const { folder } = await logOf(1);
    const port = await httpReceiver((_, response) =>
      response.writeHead(307, { location: "http://127.0.0.1:1/" }).end(),
    );
    await expect(exportNew(run(folder, opened(`otlp+http://127.0.0.1:${port}`)))).rejects.toThrow();
  });

  it.each(["http://127.0.0.1", "syslog://", "mailto:x@example.com", "otlp+http://user:pass@127.0.0.1"])(
    "%s is none",
    (to) => expect(() => createTarget(to, about)).toThrow(TypeError),
  );
});

describe("following", () => {
  it("sends what was there and what comes, tries a failing target again, and ends when told", async () => {
    const { folder, add, positionFile } = await logOf(2);
    const sent: number[] = [];
    let fails = 1;
    const target = {
      send: async (lines: readonly { readonly record: { readonly requestId?: string | number } }[]) => {
        if (fails-- > 0) throw new Error("not now");
        sent.push(...lines.map(({ record }) => Number(record.requestId)));
      },
      close: async () => {},
    };
    const logged: string[] = [];
    const following = followExport(run(folder, target, { positionFile }), { log: (level) => logged.push(level) });
    await vi.waitFor(() => expect(sent).toEqual([0, 1]), { timeout: 20_000 });
    await add(2);
    await vi.waitFor(() => expect(sent).toEqual([0, 1, 2, 3]), { timeout: 20_000 });
    await following.stop();
    await add(1);
    expect(sent).toHaveLength(4);
    expect(logged).toEqual(["error", "info"]);
  });

  it("a position that is none is an error, and not a beginning", async () => {
    const { folder, positionFile } = await logOf(1);
    writeFileSync(positionFile, "{");
    await expect(exportNew(run(folder, opened(join(folder, "out")), { positionFile }))).rejects.toThrow();
    writeFileSync(positionFile, '{"x":{"segment":"1"}}');
    await expect(exportNew(run(folder, opened(join(folder, "out")), { positionFile }))).rejects.toThrow("no position");
  });
});

describe("a receiver over TLS", () => {
  const own = createCertificate(["localhost"]);
  const other = createCertificate(["localhost"]);

  async function tlsReceiver(): Promise<{ readonly port: number; received(): string }> {
    let received = "";
    const server = createTlsServer({ cert: own.cert, key: own.key }, (socket) => {
      socket
        .on("error", () => {})
        .on("data", (bytes) => {
          received += bytes.toString("utf8");
        });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    return { port: (server.address() as AddressInfo).port, received: () => received };
  }

  async function httpsReceiver(): Promise<{ readonly port: number; received(): string }> {
    let received = "";
    const server = createHttpsServer({ cert: own.cert, key: own.key }, (request, response) => {
      request.on("data", (bytes) => {
        received += bytes;
      });
      request.on("end", () => response.end("{}"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { port: (server.address() as AddressInfo).port, received: () => received };
  }

  const receivers = [
    ["syslog+tls", tlsReceiver],
    ["otlp+https", httpsReceiver],
  ] as const;

  test.each(receivers)(
    "%s: is believed when an authority of `ca` vouches for it, and nobody else",
    async (scheme, receive) => {
      const { folder } = await logOf(3);
      const { port, received } = await receive();
      const to = `${scheme}://localhost:${port}`;
      for (const options of [{}, { ca: other.cert }]) {
        await expect(exportNew(run(folder, opened(to, options)))).rejects.toThrow();
        expect(received()).toBe("");
      }
      expect(await exportNew(run(folder, opened(to, { ca: `${own.cert}${other.cert}` })))).toBe(3);
      await vi.waitFor(() => expect(received()).toContain("tool_2"));
    },
  );

  test.each([
    ["syslog+tls://localhost", "no certificate", "there is no certificate"],
    [
      "otlp+https://localhost",
      own.cert.replace(/(?<=CERTIFICATE-----\n)..../, "AAAA"),
      "a certificate in it cannot be read",
    ],
    ["syslog+tls://localhost", own.key, "there is no certificate"],
    ["syslog+tcp://localhost", own.cert, "only syslog+tls:// and otlp+https:// speak TLS"],
    ["out.jsonl", own.cert, "only syslog+tls:// and otlp+https:// speak TLS"],
  ])("%s: refuses a `ca` that can vouch for nothing (%#)", (to, ca, why) => {
    expect(() => createTarget(to, { ...about, ca })).toThrow(why);
  });
});
