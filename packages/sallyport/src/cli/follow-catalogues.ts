import type { System } from "@sallyport/auth";
import type { Catalogue } from "../policy/catalogue.js";

/** Milliseconds until a catalogue that could not be read is read again. */
const RETRY_MS = 1_000;

/**
 * Reads a server's catalogue again when the feed says that it changed: what is accepted from the command line, or seen to be changed by another
 * process, counts here with the next look at the feed, every half second.
 */
export function followCatalogues(
  find: (server: string) => { readonly catalogue: Pick<Catalogue, "reload"> } | undefined,
  system: Pick<System, "log">,
): { reload(server: string): void; stop(): void } {
  const failed = new Set<string>();
  const reload = (server: string) => {
    failed.delete(server);
    find(server)
      ?.catalogue.reload()
      .catch((error: unknown) => {
        system.log("warn", "tool catalogue not read; tried again in a second", { server, error: String(error) });
        failed.add(server);
      });
  };
  const timer = setInterval(() => {
    for (const server of [...failed]) reload(server);
  }, RETRY_MS).unref();
  return { reload, stop: () => clearInterval(timer) };
}
