import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createRemoteJWKSet, jwtVerify } from "jose";
import type { ForeignIdp } from "../../packages/sallyport/src/federation/testing/foreign-idp.js";

export const AT_STRICT = { id: "gateway-there", secret: "the gateway's secret at the strict endpoint" } as const;
export const SIGN_IN_CLIENT = "sallyport-keeps";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";

/** Every grant with exactly the parameters that it may have. */
const GRANTS: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  "urn:ietf:params:oauth:grant-type:jwt-bearer": {
    ...{ grant_type: /./, requested_token_use: /^on_behalf_of$/, scope: /^api:\/\/crm\/\.default$/ },
    assertion: /./,
  },
  "urn:ietf:params:oauth:grant-type:token-exchange": {
    ...{ grant_type: /./, subject_token: /./, subject_token_type: /^urn:ietf:params:oauth:token-type:/ },
    audience: /^crm$/,
  },
};

export interface StrictTokenEndpoint {
  readonly url: string;
  /** Every form that came. */
  readonly asked: readonly URLSearchParams[];
  /** Takes the place of an answer: an error of the endpoint. */
  instead: string | undefined;
  close(): Promise<void>;
}

/**
 * A token endpoint by hand that takes tokens of the identity provider alone, and says whose they were: access tokens that live there
 * (RFC 8693, and Entra's on-behalf-of), or ID tokens made for our client.
 */
export async function startStrictTokenEndpoint(idp: () => ForeignIdp): Promise<StrictTokenEndpoint> {
  const asked: URLSearchParams[] = [];
  const accountOf = async (token: string, type: string | null): Promise<string | undefined> => {
    if (type === ACCESS_TOKEN) return (await idp().provider.AccessToken.find(token))?.accountId;
    if (type !== ID_TOKEN) return undefined;
    const keys = createRemoteJWKSet(new URL(`${idp().issuer}/jwks`));
    const checks = { issuer: idp().issuer, audience: SIGN_IN_CLIENT };
    return jwtVerify(token, keys, checks)
      .then(({ payload }) => payload.sub)
      .catch(() => undefined);
  };
  const answer = async (form: URLSearchParams, authorization: string | undefined): Promise<[number, object]> => {
    const basic = `Basic ${btoa(`${encodeURIComponent(AT_STRICT.id)}:${encodeForm(AT_STRICT.secret)}`)}`;
    if (authorization !== basic) return [401, { error: "invalid_client" }];
    if (endpoint.instead !== undefined) return [400, { error: endpoint.instead }];
    const wanted = GRANTS[form.get("grant_type") ?? ""];
    const names = [...form.keys()].sort();
    if (wanted === undefined || names.join() !== Object.keys(wanted).sort().join()) {
      return [400, { error: "invalid_request", error_description: names.join() }];
    }
    if (names.some((name) => wanted[name]?.test(form.get(name) ?? "") !== true))
      return [400, { error: "invalid_target" }];
    const account = await accountOf(
      form.get("subject_token") ?? form.get("assertion") ?? "",
      form.get("subject_token_type") ?? ACCESS_TOKEN,
    );
    if (account === undefined) return [400, { error: "invalid_grant" }];
    return [200, { access_token: `for-${account}-${asked.length}`, token_type: "Bearer", expires_in: 300, ...ISSUED }];
  };
  const server = createServer((request, response) => {
    void read(request).then(async (form) => {
      asked.push(form);
      const [status, body] = await answer(form, request.headers.authorization);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint: StrictTokenEndpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    asked,
    instead: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return endpoint;
}

const ISSUED = { issued_token_type: ACCESS_TOKEN };

/** RFC 6749 §2.3.1: form-encoded before Basic. */
function encodeForm(text: string): string {
  return new URLSearchParams({ text }).toString().slice("text=".length);
}

async function read(request: IncomingMessage): Promise<URLSearchParams> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return new URLSearchParams(body);
}
