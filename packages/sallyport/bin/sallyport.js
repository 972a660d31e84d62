#!/usr/bin/env node
import { main } from "../dist/program/main.js";

// A reader that stops early, as in `sallyport log export | head`, ends us as it ends other programs: 128 + SIGPIPE, without a stack.
process.stdout.on("error", (error) => {
  if (error.code === "EPIPE") process.exit(141);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));
