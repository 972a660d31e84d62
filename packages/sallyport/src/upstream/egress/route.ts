import { createGlob, type Principal } from "@sallyport/auth";
import { type UserCredentialSource, usableToken } from "../credentials/user-credentials.js";
import { UpstreamError } from "../upstream.js";
import type { EgressTarget } from "./target.js";

/** One of `egress`: where children may go with a credential that they do not have. */
export interface EgressRoute {
  /** The name in the configuration. */
  readonly name: string;
  /** Scheme, host and port; there is no other. */
  readonly origin: string;
  /** Lower case. */
  readonly header: string;
  /** Its value is some person's own at this connection. */
  readonly connection: string | undefined;
  allows(method: string, target: EgressTarget): boolean;
  /** @throws UpstreamError (a CredentialError where the person has to act first). */
  valueFor(principal: Principal | undefined): Promise<string>;
  /** The other system answered 401: whatever is held is looked at again before the next request. Never rejects. */
  refused(principal: Principal | undefined, headers: Readonly<Record<string, string | readonly string[]>>): void;
}

export interface EgressRouteOptions {
  readonly name: string;
  readonly url: string;
  /** Upper case. */
  readonly methods: readonly string[];
  /** Globs over the decoded path. */
  readonly paths: readonly string[];
  readonly header: string;
  /** The word before the value; for a connection and `Authorization` the connection's own, unless this says otherwise. */
  readonly scheme: string | undefined;
  /** What the operator gave, read anew for each request; or a person's own. */
  readonly value: (() => string) | { readonly connection: string; readonly source: UserCredentialSource };
}

/** Visible ASCII, spaces and tabs: what a header may hold (RFC 9110 §5.5), without what only some take. */
const FIELD_VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;

/** @throws TypeError for a glob that is none. */
export function createEgressRoute(options: EgressRouteOptions): EgressRoute {
  const { name, url, header, scheme, value } = options;
  const methods = new Set(options.methods);
  const globs = options.paths.map((path) => createGlob(path));
  const lower = header.toLowerCase();
  const withScheme = (text: string, word: string | undefined) => {
    const whole = word === undefined ? text : `${word} ${text}`;
    if (!FIELD_VALUE.test(whole)) throw new UpstreamError("protocol", `the value of egress ${name} is no header value`);
    return whole;
  };
  return {
    name,
    origin: new URL(url).origin,
    header: lower,
    connection: typeof value === "function" ? undefined : value.connection,
    allows: (method, { path }) => methods.has(method) && globs.some((glob) => glob.matches(path)),
    async valueFor(principal) {
      if (typeof value === "function") return withScheme(value(), scheme);
      if (principal === undefined) throw new UpstreamError("protocol", `egress ${name} is for a person's calls only`);
      const found = usableToken(await value.source.tokenFor(principal, value.connection), value.connection);
      return withScheme(found.token, scheme ?? (lower === "authorization" ? (found.scheme ?? "Bearer") : undefined));
    },
    refused(principal, headers) {
      if (typeof value === "function" || principal === undefined) return;
      const { source, connection } = value;
      const asked = async () => {
        const token = usableToken(await source.tokenFor(principal, connection), connection);
        await source.refused(principal, connection, { token, status: 401, headers, attempt: 1 });
      };
      // What comes of it, the next request meets.
      void asked().catch(() => {});
    },
  };
}
