import { request } from "node:http";
import { expect, test } from "vitest";
import { createHarness } from "./testing/harness.js";

/** As an orchestrator asks: at an address, under whatever name. */
function ask(port: number, path: string, method = "GET"): Promise<readonly [number | undefined, string]> {
  return new Promise((resolve, reject) => {
    request({ port, path, method, host: "127.0.0.1", headers: { host: "10.1.2.3" } }, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve([response.statusCode, text]);
    })
      .on("error", reject)
      .end();
  });
}

test("probes say in a word whether the process lives and whether calls can be served, to anybody", async () => {
  let ready = false;
  const { gateway, port } = await createHarness({ gateway: { ready: () => ready } });
  expect(await ask(port, "/healthz")).toEqual([200, "ok\n"]);
  expect(await ask(port, "/readyz")).toEqual([503, "unavailable\n"]);
  ready = true;
  expect(await ask(port, "/readyz?verbose")).toEqual([200, "ok\n"]);
  expect(await ask(port, "/readyz", "HEAD")).toEqual([200, ""]);
  expect(await ask(port, "/readyz", "POST")).toEqual([405, ""]);
  expect(await ask(port, "/")).toMatchObject([403, expect.stringContaining("host name")]);
  await gateway.close();
});
