import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { Hono } from "hono";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { noLocalRecords } from "../resource-server/no-local-records.js";
import { createProtectedApi, type ProtectedApi } from "../resource-server/protected-api.js";
import { createTestIssuer, type TestIssuer } from "../testing/issuer.js";
import { guard as guardExpress } from "./express.js";
import { guard as guardHono } from "./hono.js";
import { authenticateNode } from "./node.js";

const API = "https://api.example";
let issuer: TestIssuer;
let api: ProtectedApi;
beforeAll(async () => {
  issuer = await createTestIssuer({ issuer: "https://as.example", resource: API });
  const scopes = { "crm:read": {}, "crm:write": { includes: ["crm:read"] } };
  api = createProtectedApi({ resource: API, issuers: [issuer], scopes, isLive: noLocalRecords() });
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const FRAMEWORKS: Readonly<
  Record<string, () => Promise<(path: string, init: RequestInit) => Response | Promise<Response>>>
> = {
  Hono: async () => {
    const app = new Hono();
    app.get("/v1/customers", guardHono(api, ["crm:write"]), (context) => context.json(context.get("caller").principal));
    return (path, init) => app.request(path, init);
  },
  Express: async () => {
    const app = express();
    const v1 = express.Router();
    v1.get("/customers", guardExpress(api, ["crm:write"]), (_req, res) => void res.json(res.locals.caller.principal));
    const url = await serve(app.use("/v1", v1));
    return (path, init) => fetch(url + path, init);
  },
  "node:http": async () => {
    const url = await serve((req, res) => {
      void authenticateNode({ req, res }, api, ["crm:write"]).then(
        (who) => who && res.end(JSON.stringify(who.principal)),
      );
    });
    return (path, init) => fetch(url + path, init);
  },
};

describe.each(Object.entries(FRAMEWORKS))("a route of a plain API in %s", (_, create) => {
  const token = (scope: string) => issuer.token({ scope, act: { sub: "agent", act: { sub: "chat" } } });

  test("is reached with its scope, and knows who calls and who acts", async () => {
    const ask = await create();
    const headers = { authorization: `Bearer ${await token("crm:write")}` };
    const answer = await ask("/v1/customers?a=b", { headers });
    const who = { sub: "user-1", actor: { sub: "agent" }, chain: [{ sub: "chat" }] };
    expect([answer.status, await answer.json()]).toMatchObject([200, who]);
  });

  test.each([
    ["without a token", "/v1/customers", async () => ({}), 401],
    ["without the scope", "/v1/customers", async () => ({ authorization: `Bearer ${await token("crm:read")}` }), 403],
    ["with the token in the URL", "/v1/customers?access_token=x", async () => ({}), 400],
  ])("is not reached %s", async (_case, path, headers, status) => {
    const ask = await create();
    const answer = await ask(path, { headers: await headers() });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("www-authenticate")).toContain("resource_metadata=");
  });
});
