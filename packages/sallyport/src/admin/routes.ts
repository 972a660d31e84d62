import { z } from "zod";
import { formatOpenApi } from "./openapi.js";
import { type Route, route } from "./route.js";
import { ACCESS_ROUTES } from "./routes/access.js";
import { CLIENT_ROUTES } from "./routes/clients.js";
import { SERVER_ROUTES } from "./routes/servers.js";
import { USER_ROUTES } from "./routes/users.js";

/** Everything that the admin API serves. */
export const ROUTES: readonly Route[] = [
  ...USER_ROUTES,
  ...CLIENT_ROUTES,
  ...ACCESS_ROUTES,
  ...SERVER_ROUTES,
  route({
    method: "GET",
    path: "/openapi.json",
    name: "showOpenApi",
    summary: "This description.",
    answer: z.record(z.string(), z.unknown()).describe("OpenAPI 3.1."),
    handle: async ({ version }) => formatOpenApi(ROUTES, version),
  }),
];
