// npm start [-- flags]: `sallyport protect` in front of a real server from npm. Flags go to sallyport, not to that server; whoever
// names a server of their own (`npm start -- --name notes -- node my-server.js`, or --url) gets that one instead.
const given = process.argv.slice(2);
const own = given.some((flag) => flag === "--" || /^--url(=|$)/.test(flag));
const example = ["--", "node_modules/.bin/mcp-server-everything"];
const asks = given.some((flag) => flag === "--help" || flag === "-h");
const args = own || asks ? given : ["--name", "everything", ...given, ...example];
process.argv.splice(2, Number.POSITIVE_INFINITY, "protect", ...args);
await import("../packages/sallyport/bin/sallyport.js");
