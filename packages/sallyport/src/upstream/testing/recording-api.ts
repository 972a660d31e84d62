import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Recorded {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RecordingApi {
  readonly url: string;
  readonly requests: Recorded[];
  close(): Promise<void>;
}

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

const FINE: Answering = (_request, response) => response.writeHead(200, { "x-api": "yes" }).end("fine");

/** Another system's API, which keeps what it is asked. Answers once the body is there. */
export async function startRecordingApi(answer: Answering = FINE): Promise<RecordingApi> {
  const requests: Recorded[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const { method, url, headers } = request;
      requests.push({ method, url, headers, body });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
