import { lookup as dnsLookup } from "node:dns";
import type { IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { FetchDocument } from "../oauth/client-metadata-document.js";
import { isSpecialAddress } from "./special-addresses.js";

export interface SafeFetchOptions {
  /** Name → addresses; every one is judged. Default: the operating system's resolver. */
  readonly resolve?: (hostname: string) => Promise<readonly { readonly address: string; readonly family: 4 | 6 }[]>;
  /**
   * Where a judged address is really dialled, below the guard; default: the address itself. For tests that map a public address to a local
   * server, and for networks that reach the outside another way.
   */
  readonly connect?: (address: string, port: number) => { readonly host: string; readonly port: number };
  /** Certificate authorities besides, as for `tls.connect`; default: the system's. */
  readonly ca?: string | readonly string[];
}

/** Why nothing was fetched. `code` is for the log and for rules; the message holds no part of an answer. */
export class UnsafeDocumentError extends Error {
  override readonly name = "UnsafeDocumentError";
  constructor(
    readonly code: "url" | "address" | "redirect" | "size" | "time" | "network",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * The {@link FetchDocument} port with a guard against SSRF (RFC 9700 §4.14; CIMD draft-02 §6): https only, no user information, the host's
 * addresses judged before a connection and *the judged address dialled*, so that a second look-up cannot answer otherwise; IP literals
 * judged too; no redirect followed; one deadline over everything; a size bound on the answer, which must not be compressed.
 * Every answer below 300 or from 400 is passed on with its status. Does NOT check content types or cache anything.
 * @throws UnsafeDocumentError as a rejection.
 */
export function createSafeFetchDocument(options: SafeFetchOptions = {}): FetchDocument {
  const resolve = options.resolve ?? resolveBySystem;
  return async (text, { maxBytes, timeoutMs }) => {
    const url = parseUrl(text);
    const signal = AbortSignal.timeout(timeoutMs);
    const deadline = new Promise<never>((_resolve, reject) => {
      const late = () => reject(new UnsafeDocumentError("time", `No answer within ${timeoutMs} ms.`));
      signal.addEventListener("abort", late, { once: true });
    });
    const fetched = (async () => {
      const address = await judgedAddress(url, resolve);
      const response = await send(url, { address, signal, options });
      return readAnswer(response, maxBytes);
    })();
    fetched.catch(() => undefined);
    return Promise.race([fetched, deadline]);
  };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.protocol !== "https:" || url.username !== "" || url.password !== "") {
    throw new UnsafeDocumentError("url", "Only https URLs without user information are fetched.");
  }
  return url;
}

/** One special address among several refuses all: a name that points inside as well as outside is no public server. */
async function judgedAddress(url: URL, resolve: NonNullable<SafeFetchOptions["resolve"]>): Promise<string> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(host) !== 0 ? [host] : (await resolveOrRefuse(host, resolve)).map(({ address }) => address);
  const [first] = addresses;
  if (first === undefined || addresses.some(isSpecialAddress)) {
    throw new UnsafeDocumentError("address", `${JSON.stringify(host)} is not on the public internet.`);
  }
  return first;
}

async function resolveOrRefuse(host: string, resolve: NonNullable<SafeFetchOptions["resolve"]>) {
  try {
    return await resolve(host);
  } catch (cause) {
    throw new UnsafeDocumentError("network", `${JSON.stringify(host)} cannot be resolved.`, { cause });
  }
}

function send(
  url: URL,
  {
    address,
    signal,
    options,
  }: { readonly address: string; readonly signal: AbortSignal; readonly options: SafeFetchOptions },
): Promise<IncomingMessage> {
  const port = url.port === "" ? 443 : Number(url.port);
  const target = options.connect?.(address, port) ?? { host: address, port };
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const requestOptions: RequestOptions = {
    host: target.host,
    port: target.port,
    // The certificate must be the named host's, whatever address is dialled.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    path: url.pathname + url.search,
    headers: { host: url.host, accept: "application/json", "accept-encoding": "identity" },
    agent: false,
    lookup: neverLookUp,
    signal,
    maxHeaderSize: 16 * 1024,
    ...(options.ca === undefined ? {} : { ca: [options.ca].flat() as string[] }),
  };
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) =>
      reject(new UnsafeDocumentError("network", "The server cannot be reached.", { cause }));
    request(requestOptions, resolve).on("error", failed).end();
  });
}

/** What is dialled is an address already; if it were not, a name would get past the guard here. */
const neverLookUp: LookupFunction = (hostname, _options, callback) => {
  callback(new Error(`${JSON.stringify(hostname)} was not judged.`), "", 4);
};

async function readAnswer(response: IncomingMessage, maxBytes: number): ReturnType<FetchDocument> {
  const status = response.statusCode ?? 0;
  try {
    if (status >= 300 && status < 400) throw new UnsafeDocumentError("redirect", "Redirects are not followed.");
    const encoding = response.headers["content-encoding"] ?? "identity";
    if (encoding !== "identity") throw new UnsafeDocumentError("size", "A compressed answer was not asked for.");
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > maxBytes) throw new UnsafeDocumentError("size", `The document is longer than ${maxBytes} bytes.`);
      chunks.push(chunk);
    }
    return { status, headers: headersOf(response), body: new Uint8Array(Buffer.concat(chunks)) };
  } catch (cause) {
    if (cause instanceof UnsafeDocumentError) throw cause;
    throw new UnsafeDocumentError("network", "The answer broke off.", { cause });
  } finally {
    response.destroy();
  }
}

function headersOf(response: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(response.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  return headers;
}

function resolveBySystem(hostname: string): Promise<readonly { readonly address: string; readonly family: 4 | 6 }[]> {
  return new Promise((resolve, reject) => {
    dnsLookup(hostname, { all: true, verbatim: false }, (error, addresses) => {
      if (error === null) resolve(addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 })));
      else reject(error);
    });
  });
}
