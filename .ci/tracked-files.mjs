// What must never be committed: registry hosts, paths of one machine, private keys. Prints each find and exits with 1.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const FORBIDDEN = [
  { what: "a path of one machine", pattern: /(?<![\w.@/:-])\/(?:work|root)\// },
  { what: "a private key", pattern: /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*[A-Za-z0-9+/=]{40}/ },
  {
    what: "a token",
    pattern:
      /\b(?:ghp_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40}|npm_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|xox[bp]-[0-9A-Za-z-]{20})\b/,
  },
];
const LOCK_FILE = /(?:^|\/)package-lock\.json$/;

const files = execFileSync("git", ["ls-files", "-z"], { encoding: "utf8" }).split("\0").filter(Boolean);
const finds = [];
for (const path of files) {
  if (path.startsWith(".ci/")) continue;
  const text = readFileSync(path, "latin1");
  for (const [index, line] of text.split("\n").entries()) {
    for (const { what, pattern } of FORBIDDEN) {
      if (pattern.test(line)) finds.push(`${path}:${index + 1}: ${what}`);
    }
  }
  if (LOCK_FILE.test(path)) {
    for (const [name, entry] of Object.entries(JSON.parse(text).packages)) {
      if (/^https?:/.test(entry.resolved ?? "")) finds.push(`${path}: ${name} names a registry host in "resolved"`);
    }
  }
}
for (const find of finds) console.log(find);
console.log(`${files.length} tracked files looked at, ${finds.length} finds`);
process.exitCode = finds.length === 0 ? 0 : 1;
