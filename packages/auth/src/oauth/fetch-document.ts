import type { FetchDocument } from "./client-metadata-document.js";

/**
 * {@link FetchDocument} on the platform's `fetch`: bounded in size and time, no redirects. For URLs that the operator wrote down.
 * Does NOT look at addresses: a URL that came from outside needs `createSafeFetchDocument` of `@sallyport/auth/node`.
 */
export const fetchConfiguredDocument: FetchDocument = async (url, { maxBytes, timeoutMs }) => {
  const response = await fetch(url, {
    redirect: "error",
    signal: AbortSignal.timeout(timeoutMs),
    headers: { accept: "application/json" },
  });
  return readBounded(response, maxBytes);
};

/** Port: one form posted to a configured endpoint, with the bounds of {@link FetchDocument}. */
export type PostForm = (
  url: string,
  request: {
    readonly form: URLSearchParams;
    readonly headers: Readonly<Record<string, string>>;
    readonly maxBytes: number;
    readonly timeoutMs: number;
  },
) => ReturnType<FetchDocument>;

/** {@link PostForm} on the platform's `fetch`; no redirect is followed, since the form holds a token. */
export const postConfiguredForm: PostForm = async (url, { form, headers, maxBytes, timeoutMs }) => {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { method: "POST", redirect: "error", signal, headers, body: form });
  return readBounded(response, maxBytes);
};

async function readBounded(response: Response, maxBytes: number): ReturnType<FetchDocument> {
  const body = new Uint8Array(maxBytes);
  let length = 0;
  for await (const chunk of response.body ?? []) {
    if (length + chunk.length > maxBytes) throw new RangeError(`The document is longer than ${maxBytes} bytes.`);
    body.set(chunk, length);
    length += chunk.length;
  }
  return { status: response.status, headers: response.headers, body: body.slice(0, length) };
}
