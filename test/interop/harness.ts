/*
 * What tests need that drive the built program from outside: start it, sign in and agree (without a browser, or with Chromium), and be a
 * client of it. Everything goes over loopback.
 */
export { type Answer, createPerson, type Person } from "./person.js";
export { type Program, type ProgramOptions, ROOT, startProgram } from "./program.js";
export { type ClientState, createProvider } from "./provider.js";
export { createStrictClient, type StrictClient } from "./strict-client.js";
