import type { Principal } from "@sallyport/auth";
import { type UserCredentialSource, usableToken } from "./credentials/user-credentials.js";
import type { Egress } from "./egress/egress.js";
import type { EgressRoute } from "./egress/route.js";
import { UpstreamError } from "./upstream.js";

/** What a child of one principal is started with besides the inherited environment. */
export interface Provision {
  /** Another one as soon as any value in the environment would be. Holds the values: never shown. */
  readonly mark: string;
  /** For one child: makes its addresses. */
  issue(): Issued;
}

export interface Issued {
  readonly variables: Readonly<Record<string, string>>;
  /** The child is gone, and so are its addresses. Idempotent. */
  withdraw(): void;
}

/** Port: the credentials of stdio children, which come from the environment and are fixed when a child starts. */
export interface Provisions {
  /**
   * What a child of this principal has to be started with now; `undefined`: a child that only says what it offers.
   * @throws UpstreamError, as a rejection: a CredentialError where the person has to act first. Then no child is used.
   */
  for(principal: Principal | undefined): Promise<Provision>;
  close(): Promise<void>;
}

export interface ProvisionsOptions {
  /** Variables that the operator gives, read anew each time. */
  readonly given: () => Readonly<Record<string, string>>;
  /** Variable → connection whose token of the caller it holds. */
  readonly connections?: Readonly<Record<string, string>>;
  /** What people have connected; needed where {@link connections} names something. */
  readonly source?: UserCredentialSource | undefined;
  /** Variable → where its address leads. */
  readonly routes?: Readonly<Record<string, EgressRoute>>;
  readonly egress?: Egress | undefined;
}

export function createProvisions(options: ProvisionsOptions): Provisions {
  const { given, source, egress } = options;
  const connections = Object.entries(options.connections ?? {});
  const routes = Object.entries(options.routes ?? {});

  async function own(principal: Principal): Promise<Record<string, string>> {
    const values: Record<string, string> = {};
    const tokenOf = async (connection: string) => {
      if (source === undefined) throw new UpstreamError("protocol", "no connections are configured");
      return usableToken(await source.tokenFor(principal, connection), connection).token;
    };
    for (const [name, connection] of connections) values[name] = await tokenOf(connection);
    // The value stays out of the child; but whether there is one is said to the caller, who can do something about it.
    for (const [, route] of routes) if (route.connection !== undefined) await route.valueFor(principal);
    return values;
  }

  return {
    async for(principal) {
      if (routes.length > 0) await egress?.start();
      const values = { ...given(), ...(principal === undefined ? {} : await own(principal)) };
      for (const [name, value] of Object.entries(values)) {
        // Node would refuse it with the value in its message.
        if (value.includes("\0")) throw new UpstreamError("protocol", `the value of ${name} holds a null character`);
      }
      return {
        mark: JSON.stringify(values),
        issue: () => {
          const grants = routes.flatMap(([name, route]) =>
            egress === undefined ? [] : [[name, egress.grant(route, principal)] as const],
          );
          return {
            variables: { ...values, ...Object.fromEntries(grants.map(([name, { url }]) => [name, url])) },
            withdraw: () => {
              for (const [, grant] of grants) grant.withdraw();
            },
          };
        },
      };
    },
    close: async () => egress?.close(),
  };
}
