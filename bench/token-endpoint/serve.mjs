// What both contenders have in common: a listener, and a parent that asks for work to be prepared and for the CPU time used.
import { createServer } from "node:http";

export const RESOURCE = "https://mcp.example/crm";
export const CLIENT = "bench";
/** A confidential client: for itself, and for the users of the other one. */
export const AGENT = { client_id: "agent", client_secret: "a secret of 256 bits, more or less: 0123456789abcdef" };
export const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
export const CALLBACK = "http://127.0.0.1:49152/callback";
export const SCOPE = "mcp:read";

/** @param prepareCode answers `{ code, verifier }` of an authorization that a person has agreed to. */
export async function serve(listener, prepareCode) {
  const server = createServer(listener);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  process.on("message", async ({ codes }) => {
    if (codes !== undefined) {
      const forms = [];
      for (let made = 0; made < codes; made++) forms.push(await prepareCode());
      process.send({ forms });
    } else process.send({ cpu: process.cpuUsage() });
  });
  process.send({ port: server.address().port });
}
