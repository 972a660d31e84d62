import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Document, parse } from "yaml";
import { editYaml, REMOVE, type YamlChange, YamlEditError } from "./yaml-edit.js";

const FILE = `# The CRM.
servers:   # one
  crm:
    upstream: "http://127.0.0.1:9001/mcp"

    access:
      # people
      - { roles: [support, sales], scopes: [write] } # all of support
      - roles: # two of them
          - finance
          - board # rarely
        scopes: [read]
    scopes:
      read: { allow: [tools/get_*] }
      write: # more
        includes: [read]
        allow:
          - tools/update_*   # everything that changes
          - tools/merge
# The end.
`;

const crm = (change: { readonly [member: string]: YamlChange }) => ({ servers: { crm: change } });

describe("a file that is changed in place", () => {
  const cases: readonly (readonly [
    what: string,
    change: { readonly [member: string]: YamlChange },
    from: string,
    to: string,
  ])[] = [
    ["a list on one line", { scopes: { read: { allow: [REMOVE, "tools/get_a"] } } }, "[tools/get_*]", "[tools/get_a]"],
    [
      "items of a list: what stays keeps its line, and comments stay",
      { scopes: { write: { allow: [REMOVE, "tools/merge", "tools/split"] } } },
      "          - tools/update_*   # everything that changes\n          - tools/merge\n",
      "          # everything that changes\n          - tools/merge\n          - tools/split\n",
    ],
    [
      "a member that goes",
      { scopes: { write: { includes: REMOVE } } },
      "        includes: [read]\n        allow",
      "        allow",
    ],
    [
      "an item that goes, whose comment stays",
      { access: [REMOVE] },
      "      - { roles: [support, sales], scopes: [write] } # all of support\n",
      "      # all of support\n",
    ],
    [
      "an item of an item",
      { access: [{}, { roles: ["finance", REMOVE] }] },
      "          - board # rarely\n",
      "          # rarely\n",
    ],
    [
      "a member that comes",
      { mode: "record" },
      "          - tools/merge\n",
      "          - tools/merge\n    mode: record\n",
    ],
  ];
  test.each(cases)("%s", (_, change, from, to) => {
    expect(FILE).toContain(from);
    expect(editYaml(FILE, crm(change))).toBe(FILE.replace(from, to));
  });

  test("nothing to change is the same text, to the byte", () => {
    expect(editYaml(FILE, crm({ access: [{ scopes: ["write"] }], scopes: { read: {} } }))).toBe(FILE);
    const windows = FILE.replaceAll("\n", "\r\n");
    expect(editYaml(windows, crm({ mode: "record" }))).toBe(
      FILE.replace("- tools/merge\n", "- tools/merge\n    mode: record\n").replaceAll("\n", "\r\n"),
    );
  });

  test("comments within a list on several lines stay", () => {
    const text = "a: [ # first\n  x,\n  y, # second\n  z ]\n";
    const result = editYaml(text, { a: [REMOVE, "y", REMOVE] });
    expect(parse(result)).toEqual({ a: ["y"] });
    expect(result).toContain("# first");
    expect(result).toContain("# second");
  });

  test.each([
    ["what others refer to", "a: &x [1]\nb: *x\n", { a: [REMOVE, 2] }],
    ["no mapping", "- a\n", { a: 1 }],
    ["no YAML", "a: [\n", { a: 1 }],
  ])("%s is left to people", (_, text, change) => {
    expect(() => editYaml(text, change as never)).toThrow(YamlEditError);
  });

  test("either gives exactly what is wanted, or says that it cannot, for random files in both styles", () => {
    const word = fc.constantFrom("a", "b", "c: d", "# e", "*", "tools/x", "null", "1");
    const list = fc.array(word, { minLength: 1, maxLength: 4 });
    const picks = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    let cannot = 0;
    fc.assert(
      fc.property(list, list, picks, fc.boolean(), fc.boolean(), (first, second, keep, flow, withComment) => {
        const document = new Document({ top: { one: { list: first, other: "x" }, two: second } });
        const text = document.toString(flow ? { collectionStyle: "flow" } : {}) + (withComment ? "# end\n" : "");
        const thin = (items: readonly string[]) => items.map((item, index) => (keep[index] ? item : REMOVE));
        const change = {
          top: { one: { list: [...thin(first), "new"] }, two: [...thin(second), "more"], three: { n: 1 } },
        };
        const kept = (items: readonly string[]) => items.filter((_, index) => keep[index]);
        try {
          expect(parse(editYaml(text, change))).toEqual({
            top: {
              one: { list: [...kept(first), "new"], other: "x" },
              two: [...kept(second), "more"],
              three: { n: 1 },
            },
          });
        } catch (error) {
          if (!(error instanceof YamlEditError)) throw error;
          cannot++;
        }
      }),
      { numRuns: 500 },
    );
    expect(cannot).toBe(0);
  });
});
