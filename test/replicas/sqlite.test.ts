import { join } from "node:path";
import Libsql from "libsql";
import { describeOutages, type Outage } from "./outages.contract.js";
import { describeRefreshes } from "./refreshes.contract.js";
import { describeReplicas } from "./replicas.contract.js";

const createUrl = async () => "sqlite:./sallyport.db";
describeReplicas({ name: "SQLite", createUrl });
describeRefreshes({ name: "SQLite", createUrl, folderOf: ({ folder }) => folder });

/** What a backup tool, or a shell that somebody left open in a transaction, does. In WAL mode readers are not held up. */
function lockedFile(): Outage {
  let other: Libsql.Database | undefined;
  return {
    name: "an SQLite file that another process holds in BEGIN EXCLUSIVE",
    readable: true,
    async begin({ folder }) {
      other = new Libsql(join(folder, "sallyport.db"));
      other.exec("begin exclusive");
    },
    async end() {
      other?.exec("rollback");
      other?.close();
    },
  };
}

describeOutages(createUrl, [lockedFile()]);
