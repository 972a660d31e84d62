import { afterEach, beforeEach, describe } from "vitest";
import type { AuthorizationServerStorage } from "../authorization-server/storage.js";
import { describeClients } from "./clients.contract.js";
import { describeCodes } from "./codes.contract.js";
import { describeDescent } from "./descent.contract.js";
import { describeDevices } from "./devices.contract.js";
import { describeGrants } from "./grants.contract.js";
import { describePending } from "./pending.contract.js";
import { describeReplay } from "./replay.contract.js";
import { describeRevocation } from "./revocation.contract.js";
import { describeRotation } from "./rotation.contract.js";
import { describeSessions } from "./sessions.contract.js";

/** What a suite opens before each test: an empty store, and how to put it away. */
export interface StorageUnderTest {
  readonly storage: AuthorizationServerStorage;
  close?(): Promise<void>;
}

/** Every sentence of `authorization-server/storage.ts` as a test. Run it for each implementation; `create` opens an empty store. */
export function describeStorage(name: string, create: () => Promise<StorageUnderTest>): void {
  describe(`storage contract: ${name}`, () => {
    let opened: StorageUnderTest;
    beforeEach(async () => {
      opened = await create();
    });
    afterEach(async () => opened.close?.());
    const store = () => opened.storage;
    describe("clients", () => describeClients(store));
    describe("pending authorizations", () => describePending(store));
    describe("authorization codes", () => describeCodes(store));
    describe("devices", () => describeDevices(store));
    describe("grants", () => describeGrants(store));
    describe("sessions", () => describeSessions(store));
    describe("rotation of refresh tokens", () => describeRotation(store));
    describe("revocation", () => describeRevocation(store));
    describe("sessions made by exchange", () => describeDescent(store));
    describe("replay records", () => describeReplay(store));
  });
}
