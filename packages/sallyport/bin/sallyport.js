#!/usr/bin/env node
const program = new URL("../dist/program/main.js", import.meta.url);
const { main } = await import(program.href).catch((error) => {
  if (error.code !== "ERR_MODULE_NOT_FOUND" || error.url !== program.href) throw error;
  process.stderr.write(
    "sallyport: the program is not built; in a clone, run `npm run build`, elsewhere install it again\n",
  );
  process.exit(2);
});

// A reader that stops early, as in `sallyport log export | head`, ends us as it ends other programs: 128 + SIGPIPE, without a stack.
process.stdout.on("error", (error) => {
  if (error.code === "EPIPE") process.exit(141);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));
