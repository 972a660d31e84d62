import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createCertificate } from "../../../../test/fixtures/certificate.js";
import { createSafeFetchDocument, type SafeFetchOptions, UnsafeDocumentError } from "./node-fetch-document.js";

/*
 * A public name that resolves to a public address, which is dialled as a local TLS server: the mapping lies below the guard, so that the
 * guard sees what it would see outside.
 */
const HOST = "client.example.net";
const PUBLIC = "93.184.216.34";
const LIMITS = { maxBytes: 1_000, timeoutMs: 2_000 };
const certificate = createCertificate([HOST]);

let server: Server;
let connections: number;
let dialled: string[];
let answer: RequestListener;

beforeAll(async () => {
  server = createServer(certificate, (req, res) => answer(req, res)).on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  connections = 0;
  dialled = [];
  answer = (_req, res) => res.end("{}");
});

function fetchDocument(url: string, options: SafeFetchOptions = {}, limits = LIMITS) {
  const safe = createSafeFetchDocument({
    resolve: async () => [{ address: PUBLIC, family: 4 }],
    connect: (address) => {
      dialled.push(address);
      return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
    },
    ca: certificate.cert,
    ...options,
  });
  return safe(url, limits);
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "fetched";
  } catch (error) {
    if (error instanceof UnsafeDocumentError) return error.code;
    throw error;
  }
}

describe("a document at a public address", () => {
  test("is fetched from the address that was judged, with the host's name and certificate", async () => {
    answer = (req, res) => {
      expect(req.headers.host).toBe(HOST);
      expect(req.headers).not.toHaveProperty("cookie");
      res.setHeader("cache-control", "max-age=60").end(req.url);
    };
    const { status, headers, body } = await fetchDocument(`https://${HOST}/a?b=c#d`);
    expect([status, new TextDecoder().decode(body), headers.get("cache-control")]).toEqual([
      200,
      "/a?b=c",
      "max-age=60",
    ]);
    expect(dialled).toEqual([PUBLIC]);
  });

  test.each([404, 500])("passes on the status %d", async (status) => {
    answer = (_req, res) => res.writeHead(status).end("no");
    expect((await fetchDocument(`https://${HOST}/`)).status).toBe(status);
  });

  const refusals: readonly [title: string, answer: RequestListener, code: string][] = [
    ["redirects", (_req, res) => res.writeHead(302, { location: "https://127.0.0.1/" }).end(), "redirect"],
    ["is too long", (_req, res) => res.end("x".repeat(1_001)), "size"],
    ["never ends", (_req, res) => void setInterval(() => res.write("x".repeat(500)), 1).unref(), "size"],
    ["never begins", () => undefined, "time"],
    ["drips", (_req, res) => void res.write("x"), "time"],
    ["is compressed", (_req, res) => res.setHeader("content-encoding", "gzip").end(), "size"],
    [
      "breaks off",
      (_req, res) => res.writeHead(200, { "content-length": "10" }).write("x", () => res.destroy()),
      "network",
    ],
  ];
  test.each(refusals)("is refused when it %s", async (_title, listener, code) => {
    answer = listener;
    expect(await codeOf(fetchDocument(`https://${HOST}/`, {}, { ...LIMITS, timeoutMs: 200 }))).toBe(code);
  });

  test("just as long as allowed is fetched", async () => {
    answer = (_req, res) => res.end("x".repeat(1_000));
    expect((await fetchDocument(`https://${HOST}/`)).body.length).toBe(1_000);
  });

  test("is refused when the certificate is another host's", async () => {
    expect(await codeOf(fetchDocument("https://other.example.net/"))).toBe("network");
  });

  test("is refused when nobody vouches for the certificate", async () => {
    expect(await codeOf(fetchDocument(`https://${HOST}/`, { ca: createCertificate([HOST]).cert }))).toBe("network");
  });

  test("is refused when the resolver hangs", async () => {
    const resolve = () => new Promise<never>(() => undefined);
    expect(await codeOf(fetchDocument(`https://${HOST}/`, { resolve }, { ...LIMITS, timeoutMs: 50 }))).toBe("time");
  });
});

describe("a document that is not at a public address", () => {
  const urls: readonly [url: string, code: string][] = [
    ["http://client.example.net/", "url"],
    ["ftp://client.example.net/", "url"],
    ["https://user:pass@client.example.net/", "url"],
    ["not a url", "url"],
    ["https://127.0.0.1/", "address"],
    ["https://2130706433/", "address"],
    ["https://0x7f.1/", "address"],
    ["https://017700000001/", "address"],
    ["https://[::1]/", "address"],
    ["https://[::ffff:127.0.0.1]/", "address"],
    ["https://[::ffff:7f00:1]/", "address"],
    ["https://[64:ff9b::7f00:1]/", "address"],
    ["https://[2002:7f00:1::]/", "address"],
    ["https://[fe80::1]/", "address"],
    ["https://169.254.169.254/latest/meta-data/", "address"],
    ["https://100.64.0.1/", "address"],
    ["https://0.0.0.0/", "address"],
    ["https://[::]/", "address"],
  ];
  test.each(urls)("%s is refused without a connection (R-78)", async (url, code) => {
    expect(await codeOf(fetchDocument(url))).toBe(code);
    expect([connections, dialled]).toEqual([0, []]);
  });

  test.each(["127.0.0.1", "10.1.2.3", "fd00::1", "::ffff:10.0.0.1", "not an address"])(
    "is refused when the name resolves to %s, alone or among public ones",
    async (address) => {
      for (const addresses of [[address], [PUBLIC, address], [address, PUBLIC]]) {
        const resolve = async () => addresses.map((one) => ({ address: one, family: 4 as const }));
        expect(await codeOf(fetchDocument(`https://${HOST}/`, { resolve }))).toBe("address");
      }
      expect([connections, dialled]).toEqual([0, []]);
    },
  );

  test("is refused when the name resolves to nothing", async () => {
    expect(await codeOf(fetchDocument(`https://${HOST}/`, { resolve: async () => [] }))).toBe("address");
    const failing = async () => Promise.reject(new Error("ENOTFOUND"));
    expect(await codeOf(fetchDocument(`https://${HOST}/`, { resolve: failing }))).toBe("network");
  });

  test("is refused by the system's resolver too", async () => {
    const safe = createSafeFetchDocument();
    expect(await codeOf(safe("https://localhost/", LIMITS))).toBe("address");
  });
});
