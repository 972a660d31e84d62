// Writes the generated pages of docs/ from the built program. `npm run docs`; CI checks that nothing changes.
import { writeFileSync } from "node:fs";
import { formatSettingsDocs } from "../packages/sallyport/dist/config/docs.js";
import { configJsonSchema } from "../packages/sallyport/dist/config/schema.js";

const page = (name, text) => writeFileSync(new URL(`../docs/${name}`, import.meta.url), text);
page("settings.md", formatSettingsDocs());
page("settings.schema.json", `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
