import { AdminRefusal, type Route } from "./route.js";

export type Router = (
  method: string,
  pathname: string,
) => { readonly route: Route; readonly params: Readonly<Record<string, string>> };

/**
 * Path → row. Segments are split before they are decoded, and decoded once: a client_id is a URL, and its slashes arrive as `%2F`.
 * The router throws AdminRefusal `not_found`, `method_not_allowed` or `request_refused`.
 */
export function createRouter(routes: readonly Route[]): Router {
  const table = routes.map((route) => ({ route, segments: route.path.split("/") }));
  return (method, pathname) => {
    const segments = pathname.split("/");
    const found = table.filter(
      (row) =>
        row.segments.length === segments.length &&
        row.segments.every((segment, index) =>
          isName(segment) ? segments[index] !== "" : segment === segments[index],
        ),
    );
    const row = found.find(({ route }) => route.method === method);
    if (row !== undefined) return { route: row.route, params: paramsOf(row.segments, segments) };
    if (found.length === 0) throw new AdminRefusal("not_found", "There is no such path; /openapi.json lists all.");
    const allowed = found.map(({ route }) => route.method).join(", ");
    throw new AdminRefusal("method_not_allowed", `Allowed here: ${allowed}.`);
  };
}

const isName = (segment: string) => segment.startsWith("{");

function paramsOf(names: readonly string[], segments: readonly string[]): Readonly<Record<string, string>> {
  const pairs = names.flatMap((name, index) =>
    isName(name) ? [[name.slice(1, -1), decode(segments[index] ?? "")] as const] : [],
  );
  return Object.fromEntries(pairs);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new AdminRefusal("request_refused", "The path has broken percent-encoding.");
  }
}
