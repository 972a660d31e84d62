// In the bundle this stands for undici: its connection pools, which is all that the program uses. The index of undici also loads fetch,
// WebSocket, caches and mocks, a sixth of a start. A name that is missing here fails the build.
import api from "undici/lib/api/index.js";
import Agent from "undici/lib/dispatcher/agent.js";
import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
import Pool from "undici/lib/dispatcher/pool.js";

Object.assign(Dispatcher.prototype, api);

export { Agent, Pool };
