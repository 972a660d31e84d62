// Part of the build: the pages of docs/ go into the package, where `sallyport docs` finds them.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";

const from = new URL("../docs/", import.meta.url);
const to = new URL("../packages/sallyport/dist/docs/", import.meta.url);
rmSync(to, { recursive: true, force: true });
mkdirSync(to, { recursive: true });
for (const file of readdirSync(from)) if (file.endsWith(".md")) copyFileSync(new URL(file, from), new URL(file, to));
