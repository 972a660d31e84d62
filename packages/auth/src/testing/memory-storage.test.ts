import { createMemoryStorage } from "./memory-storage.js";
import { describeStorage } from "./storage.contract.js";

describeStorage("memory", async () => ({ storage: createMemoryStorage() }));
