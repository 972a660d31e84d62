// Writes the generated pages of docs/ from the built program. `npm run docs`; CI checks that nothing changes.
import { readFileSync, writeFileSync } from "node:fs";
import { OAUTH_ERRORS } from "../packages/auth/dist/index.js";
import { formatSettingsDocs } from "../packages/sallyport/dist/config/docs.js";
import { configJsonSchema } from "../packages/sallyport/dist/config/schema.js";
import { formatErrorsPage } from "./errors-page.mjs";

const page = (name, text) => writeFileSync(new URL(`../docs/${name}`, import.meta.url), text);
page("settings.md", formatSettingsDocs());
page("settings.schema.json", `${JSON.stringify(configJsonSchema(), null, 2)}\n`);

const advice = JSON.parse(readFileSync(new URL("error-advice.json", import.meta.url), "utf8"));
page("errors.md", formatErrorsPage(OAUTH_ERRORS, advice));
