// B: node:http in front of undici's dispatch, which checks nothing. argv: upstream port, "plain" or "single" (one write for a small answer).
import { createServer } from "node:http";
import { Pool } from "undici";

const [upstreamPort, kind] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 512, pipelining: 1 });

function exchange(response) {
  let held;
  let status = 0;
  let headers;
  return {
    onRequestStart() {},
    onResponseStart(_controller, statusCode, received) {
      status = statusCode;
      headers = received;
      if (kind === "plain") response.writeHead(status, headers);
    },
    onResponseData(_controller, chunk) {
      if (kind === "plain") response.write(chunk);
      else held = chunk;
    },
    onResponseEnd() {
      if (kind === "plain") response.end();
      else response.writeHead(status, headers).end(held);
    },
    onResponseError() {
      response.destroy();
    },
  };
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    const { accept, authorization } = request.headers;
    const headers = { accept, authorization, "content-type": "application/json" };
    pool.dispatch({ path: "/mcp", method: "POST", headers, body }, exchange(response));
  });
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: server.address().port }));
