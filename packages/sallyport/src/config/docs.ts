import { z } from "zod";
import { SETTINGS, type Setting } from "./settings.js";

/** `docs/settings.md`, whole. Generated, so that it cannot say anything that parsing does not do. */
export function formatSettingsDocs(): string {
  const rows = SETTINGS.map(
    (row) =>
      `| \`${row.path}\` | ${typeOf(row)} | ${defaultOf(row)} | ${row.env === undefined ? "" : `\`${row.env}\``} | ${cell(row.description)} |`,
  );
  return [
    "# Settings",
    "",
    "<!-- Generated from packages/sallyport/src/config/settings.ts by `npm run docs`. Do not edit. -->",
    "",
    "Every setting of `sallyport.yaml`. `*` stands for a name that you choose. An environment variable overrides the file. A JSON Schema",
    "for editors is beside this page: [settings.schema.json](settings.schema.json).",
    "",
    "| setting | type | default | environment | what it does |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function typeOf(row: Setting): string {
  const schema = z.toJSONSchema(row.type, { io: "input" }) as Record<string, unknown>;
  return cell(typeName(schema));
}

function typeName(schema: Record<string, unknown>): string {
  const choices = schema.anyOf as Record<string, unknown>[] | undefined;
  if (choices !== undefined) return choices.map(typeName).join(" or ");
  if (schema.enum !== undefined) return (schema.enum as string[]).map((value) => `\`${value}\``).join(" or ");
  if (schema.format === "uri") return "URL";
  if (schema.type === "array") return `list of ${typeName(schema.items as Record<string, unknown>)}`;
  if (schema.type === "object" && schema.properties !== undefined) {
    return `{ ${Object.keys(schema.properties as object).join(", ")} }`;
  }
  if (schema.type === "object") return "mapping";
  if (schema.type === "integer") return `integer ${schema.minimum}…${schema.maximum}`;
  return String(schema.type);
}

function defaultOf({ default: value }: Setting): string {
  return value === undefined || JSON.stringify(value) === "{}" || JSON.stringify(value) === "[]"
    ? ""
    : cell(`\`${JSON.stringify(value)}\``);
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
