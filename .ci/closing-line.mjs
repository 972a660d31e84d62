// node .ci/closing-line.mjs STEPS_PASSED STEPS_FAILED REPORT…: sums steps and vitest's JSON reports into `N passed, N failed`.
import { existsSync, readFileSync } from "node:fs";

const [stepsPassed, stepsFailed, ...reports] = process.argv.slice(2);
let passed = Number(stepsPassed);
let failed = Number(stepsFailed);
let pending = 0;

for (const path of reports) {
  if (!existsSync(path)) {
    console.log(`${path}: no report. Its step did not come so far.`);
    failed += 1;
    continue;
  }
  const report = JSON.parse(readFileSync(path, "utf8"));
  if (report.numPassedTests === 0) {
    console.log(`${path}: no test ran.`);
    failed += 1;
  }
  const broken = report.testResults.filter((file) => file.status === "failed");
  for (const file of broken) {
    for (const test of file.assertionResults.filter(({ status }) => status === "failed")) {
      console.log(`failed: ${file.name.replace(`${process.cwd()}/`, "")}: ${test.fullName}`);
    }
  }
  // A file that could not even be loaded has no failed test, and counts as one.
  failed += broken.filter(({ assertionResults }) => !assertionResults.some(({ status }) => status === "failed")).length;
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  pending += report.numPendingTests;
}

if (pending > 0) {
  console.log(`${pending} tests were skipped. CI runs every test.`);
  failed += pending;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
