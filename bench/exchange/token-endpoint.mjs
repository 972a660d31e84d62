// A token endpoint that costs next to nothing: counts, and answers. argv: none; prints its port, and its count when it is asked.
import { createServer } from "node:http";

let count = 0;
const server = createServer((request, response) => {
  count += 1;
  const bound = request.headers.dpop !== undefined;
  request.resume();
  request.on("end", () => {
    const body = { access_token: `token-${count}`, token_type: bound ? "DPoP" : "Bearer", expires_in: 3600 };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => process.send?.({ port: server.address().port }));
process.on("message", () => process.send?.({ count }));
