import { describe, expect, it } from "vitest";
import { checkProxy } from "./proxy.js";
import { type Config, configType } from "./schema.js";

function configOf(documents: Config["registration"]["documents"]): Config {
  return configType.parse({ registration: { documents }, servers: { a: { upstream: "http://localhost/" } } });
}

describe("A proxy for https and documents whose addresses have to be judged", () => {
  it.each([
    ["open", { HTTPS_PROXY: "http://proxy:3128" }, "HTTPS_PROXY"],
    ["open", { https_proxy: "http://proxy:3128" }, "https_proxy"],
    ["open", { ALL_PROXY: "socks5://proxy:1080" }, "ALL_PROXY"],
    [{ hosts: ["editor.example"] }, { HTTPS_PROXY: "http://proxy:3128" }, "HTTPS_PROXY"],
    [{ report: ["editor.example"] }, { all_proxy: "http://proxy:3128" }, "all_proxy"],
  ] as const)("documents %j with %j are refused, with the variable named", (documents, environment, variable) => {
    const [problem, ...others] = checkProxy(configOf(documents), environment);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ path: ["registration", "documents"] });
    expect(problem?.message).toContain(variable);
    // A proxy's URL may hold a password.
    expect(problem?.message).not.toContain("proxy:");
  });

  it.each([
    ["off", { HTTPS_PROXY: "http://proxy:3128" }],
    ["open", {}],
    ["open", { HTTPS_PROXY: "" }],
    ["open", { HTTP_PROXY: "http://proxy:3128", NO_PROXY: "*" }],
  ] as const)("documents %j with %j are fine", (documents, environment) => {
    expect(checkProxy(configOf(documents), environment)).toEqual([]);
  });
});
