import type { Page } from "./storage.js";

const PAGE = 1_000;

/** Every row of a list that comes page by page. */
export async function* readAll<Row>(
  read: (page: Page) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
): AsyncGenerator<Row> {
  for (let after: string | undefined; ; ) {
    const rows = await read({ limit: PAGE, after });
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = keyOf(last);
  }
}
