import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Port: one file that only grows. Written at places, so that a write that failed half way is written again over itself. */
export interface LogFile {
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** What was written survives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Makes a new file. @throws `EEXIST` for one that is there: a chain has one writer. */
export type OpenLogFile = (path: string) => Promise<LogFile>;

export const openLogFile: OpenLogFile = async (path) => {
  const handle = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
  return {
    write: (bytes, position) => writeAll(handle, bytes, position),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
};

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw Object.assign(new Error("nothing was written"), { code: "ENOSPC" });
    done += bytesWritten;
  }
}
