import { afterAll, beforeAll } from "vitest";
import { type PostgresServer, startPostgres } from "../fixtures/postgres.js";
import { describeOutages } from "./outages.contract.js";
import { describeRefreshes } from "./refreshes.contract.js";
import { describeReplicas } from "./replicas.contract.js";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.close());

const createUrl = () => server.createUrl();
describeReplicas({ name: "PostgreSQL", createUrl });
describeRefreshes({ name: "PostgreSQL", createUrl, folderOf: () => server.folder });
describeOutages(createUrl, [
  {
    name: "a PostgreSQL server whose processes stand still",
    readable: false,
    begin: async () => server.freeze(),
    end: async () => server.thaw(),
  },
  {
    name: "a PostgreSQL server that is stopped and started again",
    readable: false,
    begin: () => server.stop(),
    end: () => server.start(),
  },
]);
