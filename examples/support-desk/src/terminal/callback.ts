import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A place on this machine for the browser to come back to (RFC 8252 §7.3), on a port that nobody had. */
export interface Callback {
  readonly redirectUri: string;
  /** The next answer that is brought. */
  wait(): Promise<URLSearchParams>;
  close(): void;
}

export async function startCallback(): Promise<Callback> {
  let take: (answer: URLSearchParams) => void = () => {};
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (url.pathname !== "/callback") {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8", connection: "close" });
    response.end("Go back to the terminal. You can close this page.\n");
    take(url.searchParams);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    redirectUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    wait: () =>
      new Promise((resolve) => {
        take = resolve;
      }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
