import { constants } from "node:fs";
import { type FileHandle, open, rm, stat } from "node:fs/promises";

/** Port: one file that only grows. Written at places, so that a write that failed half way is written again over itself. */
export interface LogFile {
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** What was written survives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes a new file. @throws `EEXIST` for one that is there: a chain has one writer. `erasable`: may be removed by whoever wants it gone, and
 * then stays away.
 */
export type OpenLogFile = (path: string, erasable?: boolean) => Promise<LogFile>;

export const openLogFile: OpenLogFile = async (path, erasable = false) => {
  let handle = await openNew(path);
  let identity = await identityOf(handle);
  return {
    write: (bytes, position) => writeAll(handle, bytes, position),
    sync: async () => {
      // A file that was removed or moved away takes bytes as before, and nobody who looks for it here would ever see them.
      if (!erasable && !(await isInPlace(path, identity))) {
        handle = await restore(path, handle);
        identity = await identityOf(handle);
      }
      await handle.datasync();
    },
    close: () => handle.close(),
  };
};

/** What a file is, whatever it is called: numbers that a double need not hold. */
interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

async function identityOf(handle: FileHandle): Promise<Identity> {
  const { dev, ino } = await handle.stat({ bigint: true });
  return { dev, ino };
}

async function isInPlace(path: string, { dev, ino }: Identity): Promise<boolean> {
  try {
    const there = await stat(path, { bigint: true });
    return there.dev === dev && there.ino === ino;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Readable too, so that what somebody removed can be written again. */
function openNew(path: string): Promise<FileHandle> {
  return open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
}

const CHUNK = 1024 * 1024;

/** Everything that was written, in its place again. @throws what the file system throws, and then the old one is still whole. */
async function restore(path: string, removed: FileHandle): Promise<FileHandle> {
  const again = await openNew(path);
  try {
    const buffer = Buffer.alloc(CHUNK);
    for (let position = 0; ; ) {
      const { bytesRead } = await removed.read(buffer, 0, CHUNK, position);
      if (bytesRead === 0) break;
      await writeAll(again, buffer.subarray(0, bytesRead), position);
      position += bytesRead;
    }
  } catch (error) {
    await again.close();
    await rm(path, { force: true });
    throw error;
  }
  await removed.close();
  return again;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the quota of the disk is used up",
  EEXIST: "another file is in the place of the one that is written",
  ENOENT: "its folder is not there",
  ENOTDIR: "its folder is not there",
  EACCES: "its folder may not be written to",
  EPERM: "its folder may not be written to",
  EROFS: "the file system is read-only",
  EIO: "the disk has a fault",
};

/** In words, for somebody who has to mend it. */
export function describeFailure(code: string): string {
  return REASONS[code] ?? code;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw Object.assign(new Error("nothing was written"), { code: "ENOSPC" });
    done += bytesWritten;
  }
}
