import { it } from "vitest";
import { tryEveryPlace } from "./testing/byte-change.js";
import { writeTamperedLog } from "./testing/tampered-log.js";

it("names the record of each single byte that is changed, at every place of the first half of a log of 1,000 records", {
  timeout: 7_200_000,
}, async () => {
  tryEveryPlace(await writeTamperedLog(), 0);
});
