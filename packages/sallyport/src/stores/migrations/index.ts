import type { Kysely } from "kysely";
import { up as initial } from "./0001-initial.js";
import { up as elsewhere } from "./0002-elsewhere.js";
import { up as parents } from "./0003-parents.js";
import { up as refusals } from "./0004-refusals.js";
import { up as clientDocuments } from "./0005-client-documents.js";
import { up as details } from "./0006-details.js";
import { up as catalogueSeen } from "./0007-catalogue-seen.js";
import { up as connections } from "./0008-connections.js";
import { up as devices } from "./0009-devices.js";
import { up as sealed } from "./0010-sealed.js";
import { up as idpSessions } from "./0011-idp-sessions.js";
import { up as idpSignOuts } from "./0012-idp-sign-outs.js";

/** In order; the version of a schema is the number of migrations it has seen. A released migration never changes. */
export const MIGRATIONS: readonly ((db: Kysely<never>) => Promise<void>)[] = [
  initial,
  elsewhere,
  parents,
  refusals,
  clientDocuments,
  details,
  catalogueSeen,
  connections,
  devices,
  sealed,
  idpSessions,
  idpSignOuts,
];
