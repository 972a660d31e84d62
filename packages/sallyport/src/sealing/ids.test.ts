import { system } from "@sallyport/auth";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createIdSealer, type IdOwner, type IdScope } from "./ids.js";
import { createSealer } from "./sealer.js";

const OLD = new Uint8Array(32).fill(1);
const NEW = new Uint8Array(32).fill(2);
const ada: IdOwner = { iss: "https://as.example", sub: "ada", client_id: "editor" };
const scope: IdScope = { kind: "session", server: "crm" };
const id = "3f2c9a50-8c1e-4b7a-9d60-0f6f1f1f2b11";
const sealer = createIdSealer(createSealer(OLD, system));

describe("sealed session and event ids", () => {
  test("are short visible ASCII and hide the upstream's own id (R-33)", () => {
    const sealed = sealer.sealId(scope, id, ada);
    expect(sealed).toMatch(/^[\x21-\x7e]+$/);
    expect(sealed).not.toContain(id);
    expect(sealed).toHaveLength(Math.ceil(((id.length + 28) * 4) / 3));
  });

  test("come back as they were, whatever the upstream calls them", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (upstreamId) => {
        expect(sealer.openId(scope, sealer.sealId(scope, upstreamId, ada), ada)).toBe(upstreamId);
      }),
    );
  });

  test("are the same each time, and differ for everyone else", () => {
    expect(sealer.sealId(scope, id, ada)).toBe(sealer.sealId(scope, id, ada));
    expect(sealer.sealId(scope, id, { ...ada, sub: "grace" })).not.toBe(sealer.sealId(scope, id, ada));
  });

  test.each<[string, IdScope, IdOwner]>([
    ["another user", scope, { ...ada, sub: "grace" }],
    ["another client", scope, { ...ada, client_id: "other" }],
    ["another issuer", scope, { ...ada, iss: "https://other.example" }],
    ["another server", { ...scope, server: "erp" }, ada],
    ["another kind of id", { ...scope, kind: "event" }, ada],
    ["members that join to the same text", scope, { ...ada, sub: 'ada","editor', client_id: "" }],
  ])("do not open for %s (R-34)", (_, other, owner) => {
    expect(sealer.openId(other, sealer.sealId(scope, id, ada), owner)).toBeUndefined();
  });

  test("open nothing that was made up or changed", () => {
    const sealed = sealer.sealId(scope, id, ada);
    const changed = `${sealed.startsWith("A") ? "B" : "A"}${sealed.slice(1)}`;
    for (const text of [
      id,
      "",
      changed,
      sealed.slice(0, -4),
      `${sealed}AAAA`,
      ` ${sealed}`,
      `${sealed}=`,
      "A".repeat(5_000),
    ]) {
      expect(sealer.openId(scope, text, ada)).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(sealer.openId(scope, text, ada)).toBeUndefined();
      }),
    );
  });

  test("made under an earlier master key still open", () => {
    const rotated = createIdSealer(createSealer([NEW, OLD], system));
    expect(rotated.openId(scope, sealer.sealId(scope, id, ada), ada)).toBe(id);
    expect(rotated.sealId(scope, id, ada)).not.toBe(sealer.sealId(scope, id, ada));
    expect(createIdSealer(createSealer(NEW, system)).openId(scope, sealer.sealId(scope, id, ada), ada)).toBeUndefined();
  });
});
