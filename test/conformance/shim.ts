import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * The suite's server leg cannot send a token. This hop adds one to every request and changes nothing else: methods, headers, bodies and
 * answers pass through as they come, a foreign Host or Origin included (the suite tests those too).
 */
export async function startTokenShim(
  target: string,
  token: () => string,
): Promise<{ url: string; close(): Promise<void> }> {
  const upstream = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const own = `localhost:${(server.address() as AddressInfo).port}`;
    const headers = { ...incoming.headers, authorization: `Bearer ${token()}` };
    // The shim stands at the gateway's address: its own name means the gateway's.
    if (headers.host === own) headers.host = upstream.host;
    if (headers.origin === `http://${own}`) headers.origin = upstream.origin;
    const onward = request(
      { host: upstream.hostname, port: upstream.port, path: upstream.pathname, method: incoming.method, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on("error", (error) => outgoing.destroy(error));
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}${upstream.pathname}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
