import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OAuthError } from "../core/oauth-error.js";
import { parseParameters, readForm, refuseRepeated } from "./parameters.js";

const reasonOf = (run: () => unknown) => {
  try {
    run();
    return "accepted";
  } catch (error) {
    return error instanceof OAuthError ? error.reason : String(error);
  }
};

describe("RFC 6749 §3.1, appendix B: parameters", () => {
  test.each([
    ["a=1&b=2", { a: ["1"], b: ["2"] }],
    ["a=1&a=2", { a: ["1", "2"] }],
    ["a=&b", { a: [], b: [] }],
    ["a=b=c", { a: ["b=c"] }],
    ["a=%C3%BC+x%2By", { a: ["ü x+y"] }],
    ["&&a=1&", { a: ["1"] }],
    ["", { a: [] }],
    ["__proto__=1&constructor=2", { __proto__: ["1"], constructor: ["2"], toString: [] }],
  ])("%j", (text, expected) => {
    const parameters = parseParameters(text);
    for (const [name, values] of Object.entries(expected)) expect(parameters.all(name)).toEqual(values);
  });

  test.each(["a=%", "a=%zz", "a=%C3", "a=%C0%AE", "%FF=1", "a=%ED%A0%80"])("%j is not form-encoded UTF-8", (text) => {
    expect(reasonOf(() => parseParameters(text))).toBe("request_malformed");
  });

  test("a parameter that came twice is refused when it is read, whatever its values", () => {
    const parameters = parseParameters("a=1&a=1&b=2");
    expect(reasonOf(() => parameters.one("a"))).toBe("parameter_repeated");
    expect(parameters.one("b")).toBe("2");
    expect(parameters.one("c")).toBeUndefined();
    expect(reasonOf(() => refuseRepeated(parameters, []))).toBe("parameter_repeated");
    expect(reasonOf(() => refuseRepeated(parameters, ["a"]))).toBe("accepted");
  });

  test("pick leaves the others unread", () => {
    const picked = parseParameters("a=1&b=2&b=3").pick(["a", "z"]);
    expect([picked.one("a"), picked.all("b"), picked.repeated]).toEqual(["1", [], []]);
  });

  test("what URLSearchParams writes is read back, name by name", () => {
    const pairs = fc.array(
      fc.tuple(fc.string({ minLength: 1, unit: "grapheme" }), fc.string({ minLength: 1, unit: "grapheme" })),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(pairs, (list) => {
        const parameters = parseParameters(new URLSearchParams(list).toString());
        for (const [name] of list) {
          expect(parameters.all(name)).toEqual(list.filter(([other]) => other === name).map(([, value]) => value));
        }
      }),
    );
  });

  test("any text is parsed or refused, never anything else", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        expect(["accepted", "request_malformed"]).toContain(reasonOf(() => parseParameters(text)));
      }),
    );
  });
});

describe("form bodies", () => {
  const post = (body: BodyInit, type?: string) => {
    const headers: HeadersInit = type === undefined ? {} : { "content-type": type };
    return readForm(new Request("https://auth.example/token", { method: "POST", body, headers }));
  };
  const FORM = "application/x-www-form-urlencoded";

  test.each([FORM, `${FORM}; charset=UTF-8`, "Application/X-WWW-Form-URLencoded"])("%s is read", async (type) => {
    expect((await post("a=1", type)).one("a")).toBe("1");
  });

  test.each(["application/json", "text/plain", "multipart/form-data; boundary=x", `${FORM}x`])(
    "%s is refused",
    async (type) => {
      await expect(post("a=1", type)).rejects.toMatchObject({ reason: "content_type_unsupported", status: 415 });
    },
  );

  test("64 KB is the limit, whatever Content-Length says and however it comes", async () => {
    expect((await post(`a=${"x".repeat(65_534)}`, FORM)).one("a")).toHaveLength(65_534);
    await expect(post(`a=${"x".repeat(65_535)}`, FORM)).rejects.toMatchObject({
      reason: "body_too_large",
      status: 413,
    });
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(16_384).fill(97));
      },
    });
    const request = new Request("https://auth.example/token", {
      method: "POST",
      headers: { "content-type": FORM },
      body: endless,
      duplex: "half",
    } as RequestInit);
    await expect(readForm(request)).rejects.toMatchObject({ reason: "body_too_large" });
    expect(pulled).toBeLessThan(10);
  });

  test("bytes that are not UTF-8, and more parameters than anybody needs, are refused", async () => {
    await expect(post(new Uint8Array([97, 61, 255]), FORM)).rejects.toMatchObject({ reason: "request_malformed" });
    await expect(post("a=1&".repeat(201), FORM)).rejects.toMatchObject({ reason: "request_malformed" });
  });
});
