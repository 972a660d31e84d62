import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CLIENT, type ForeignIdp } from "../federation/testing/foreign-idp.js";
import { UpstreamError } from "../upstream/upstream.js";
import type { Granted } from "./provider.js";
import { CALLBACK, type Client, createClient, startThirdParty } from "./testing/third-party.js";

let there: ForeignIdp;
let client: Client;
let secret: () => string;

beforeAll(async () => {
  there = await startThirdParty();
});
afterAll(() => there.close());
beforeEach(() => {
  secret = () => CLIENT.clientSecret;
  client = createClient(there.issuer, { clientSecret: () => secret() });
});

async function connect(): Promise<Granted> {
  const flow = { state: "a-state-of-this-flow", verifier: "v".repeat(43) };
  const back = await there.visit(await client.provider.start(flow, ["openid"]), "alice");
  expect(back.href.startsWith(CALLBACK)).toBe(true);
  return client.provider.finish(back.search, flow);
}

test("a client secret that changes while the program runs counts at the next request, and one that is gone sends nothing", async () => {
  const { tokens } = await connect();
  const refresh_token = tokens.refresh_token ?? "";
  const asked = client.asked.length;
  secret = () => {
    throw new UpstreamError("protocol", 'the secret "desk-secret" was removed');
  };
  const gone = client.provider.refresh({ ...tokens, refresh_token });
  await expect(gone).rejects.toMatchObject({ reason: "connection_client_refused" });
  expect(client.asked).toHaveLength(asked);
  secret = () => "another secret, which is not the one there";
  const refused = client.provider.refresh({ ...tokens, refresh_token });
  await expect(refused).rejects.toMatchObject({ reason: "connection_client_refused" });
  secret = () => CLIENT.clientSecret;
  expect((await client.provider.refresh({ ...tokens, refresh_token })).tokens.access_token).not.toBe(
    tokens.access_token,
  );
});
