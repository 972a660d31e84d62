// What users of the library can build their own tests on. Adding a line here makes it public.
export {
  createTestAuthorizationServer,
  describeTestResource,
  TEST_ISSUER,
  TEST_RESOURCE,
  type TestAuthorizationServer,
  type TestRequestInit,
} from "./authorization-server.js";
export { createTestBrowser, type TestBrowser, type TestForm } from "./browser.js";
export {
  createTestClient,
  TEST_VERIFIER,
  type TestClient,
  type TestParameters,
  type TestTokens,
} from "./client.js";
export { createTestIssuer, type TestIssuer } from "./issuer.js";
export { createTestKeys } from "./keys.js";
export { createMemoryStorage } from "./memory-storage.js";
export { createTestSystem, type TestSystem } from "./system.js";
