/** The key of the last row of a full page; `undefined`: there is no further page. */
export function nextOf<Row>(rows: readonly Row[], limit: number, keyOf: (row: Row) => string): string | undefined {
  const last = rows.at(-1);
  return last === undefined || rows.length < limit ? undefined : keyOf(last);
}
