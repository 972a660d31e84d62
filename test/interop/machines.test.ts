import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Client,
  ClientCredentialsProvider,
  CrossAppAccessProvider,
  DpopSession,
  type OAuthClientProvider,
  PrivateKeyJwtProvider,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client";
import { decodeJwt, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSdk2Server } from "../fixtures/sdk2-server.js";
import { type Program, startProgram } from "./harness.js";

/*
 * Clients without a person at a browser, against the built program: the providers of the MCP SDK as they are, and oauth4webapi and
 * openid-client, which refuse answers that the specifications do not allow.
 */
const folder = mkdtempSync(join(tmpdir(), "sallyport-machines-"));
const LOOPBACK = { [oauth.allowInsecureRequests]: true } as const;
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

let upstream: Awaited<ReturnType<typeof startSdk2Server>>;
let program: Program;
let idp: Awaited<ReturnType<typeof startIssuer>>;
let key: CryptoKeyPair;
const urlOf = (name: string) => `${program.issuer}/mcp/${name}`;

/** A company's IdP and a platform in one: an issuer with its keys on loopback. */
async function startIssuer() {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "1", alg: "ES256" }] });
  const server: Server = createServer((_, response) =>
    response.setHeader("content-type", "application/json").end(jwks),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    sign: (claims: JWTPayload, typ?: string) =>
      new SignJWT({ iss: issuer, jti: crypto.randomUUID(), ...claims })
        .setIssuedAt()
        .setExpirationTime("5m")
        .setProtectedHeader({ alg: "ES256", kid: "1", ...(typ && { typ }) })
        .sign(privateKey),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

beforeAll(async () => {
  upstream = await startSdk2Server();
  idp = await startIssuer();
  key = (await generateKeyPair("ES256", { extractable: true })) as CryptoKeyPair;
  const file = join(folder, "sallyport.yaml");
  const jwk = JSON.stringify(await exportJWK(key.publicKey));
  writeFileSync(
    file,
    `
listen: { port: 0 }
clients:
  worker: { name: Worker, secret: a secret of the worker, exchange: [billing] }
  signer: { name: Signer, jwks: { keys: [${jwk}] } }
  older: { name: Older, jwks: { keys: [${jwk}] }, tokenEndpointAudience: true }
  helper: { name: Helper, secret: a secret of the helper }
  bound: { name: Bound, secret: a secret of bound, dpop: true }
  chat: { name: Chat, secret: a secret of chat }
  notes-server: { name: Notes server, secret: a secret of the notes server, serves: [notes] }
  ci: { name: CI }
trustedIssuers:
  company:
    issuer: ${idp.issuer}
    jwksUri: ${idp.issuer}/jwks
    people: { roles: { staff: support } }
    workloads:
      - { client: ci, servers: [notes], claims: { repository: acme/app, "kubernetes.io": { namespace: "prod-*" } } }
servers:
  notes:
    upstream: ${upstream.url}
    access:
      - { clients: [worker, signer, older, bound, ci], scopes: [mcp:read] }
      - { roles: [support], scopes: [mcp:read] }
  billing:
    upstream: ${upstream.url}
    access: [{ clients: [worker, helper], scopes: [mcp:read, mcp:write] }]
    rules:
      - { deny: tools/write_note, when: has(principal.actor) && principal.actor.sub == "helper", because: The helper only reads. }
`,
  );
  program = await startProgram({ subcommand: "serve", arguments: [file] });
});

afterAll(async () => {
  await program?.stop();
  await upstream?.close();
  await idp?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What the SDK's client sees with this provider. */
async function toolsWith(authProvider: OAuthClientProvider): Promise<readonly string[]> {
  const client = new Client({ name: "sallyport-interop", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(urlOf("notes")), { authProvider }));
  const { tools } = await client.listTools();
  await client.close();
  return tools.map(({ name }) => name);
}

const tokenOf = async (provider: OAuthClientProvider) => (await provider.tokens())?.access_token ?? "";

describe("MCP SDK 2.4", () => {
  test("ClientCredentialsProvider", async () => {
    const provider = new ClientCredentialsProvider({
      clientId: "worker",
      clientSecret: "a secret of the worker",
      expectedIssuer: program.issuer,
    });
    expect(await toolsWith(provider)).toContain("read_note");
    expect(decodeJwt(await tokenOf(provider))).toMatchObject({ sub: "worker", aud: urlOf("notes"), scope: "mcp:read" });
  });

  test("PrivateKeyJwtProvider", async () => {
    const provider = new PrivateKeyJwtProvider({
      clientId: "signer",
      privateKey: (await exportJWK(key.privateKey)) as Record<string, unknown>,
      algorithm: "ES256",
      expectedIssuer: program.issuer,
    });
    expect(await toolsWith(provider)).toContain("read_note");
    expect(decodeJwt(await tokenOf(provider)).sub).toBe("signer");
  });

  test("CrossAppAccessProvider, with a person who was never here: no browser, roles by the IdP's groups", async () => {
    const seen: string[] = [];
    const provider = new CrossAppAccessProvider({
      clientId: "chat",
      clientSecret: "a secret of chat",
      expectedIssuer: program.issuer,
      assertion: async ({ authorizationServerUrl, resourceUrl }) => {
        seen.push(authorizationServerUrl, resourceUrl);
        const claims = { sub: "u-1", name: "Ada", groups: ["staff"], client_id: "chat", resource: resourceUrl };
        return idp.sign({ ...claims, aud: authorizationServerUrl }, "oauth-id-jag+jwt");
      },
    });
    expect(await toolsWith(provider)).toContain("read_note");
    expect(seen[1]).toBe(urlOf("notes"));
    expect(decodeJwt(await tokenOf(provider))).toMatchObject({ client_id: "chat", aud: urlOf("notes") });
  });

  test("DpopSession: nonces of the authorization server and of the resource, and every call with a proof", async () => {
    const session = await DpopSession.create();
    const provider = new ClientCredentialsProvider({
      clientId: "bound",
      clientSecret: "a secret of bound",
      expectedIssuer: program.issuer,
    });
    const withSession: OAuthClientProvider = Object.assign(provider, { dpop: () => session });
    expect(await toolsWith(withSession)).toContain("read_note");
    const token = await tokenOf(provider);
    expect(decodeJwt(token).cnf).toEqual({ jkt: session.thumbprint });
    const stolen = await fetch(urlOf("notes"), { method: "POST", headers: { authorization: `Bearer ${token}` } });
    expect(stolen.status).toBe(401);
  });
});

async function discover(): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(program.issuer);
  return oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...LOOPBACK }),
  );
}

const MCP_HEADERS = new Headers({
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "tools/list",
});

function messageOf(method: string, params: object): string {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
  };
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } });
}

const post = (name: string, access_token: string, method: string, params: object) => {
  const headers = new Headers(MCP_HEADERS);
  headers.set("authorization", `Bearer ${access_token}`);
  headers.set("mcp-method", method);
  if ("name" in params) headers.set("mcp-name", String(params.name));
  return fetch(urlOf(name), { method: "POST", headers, body: messageOf(method, params) });
};

const list = (name: string, access_token: string) => post(name, access_token, "tools/list", {});

describe("strict clients", () => {
  test("find every grant and method in the metadata", async () => {
    const as = await discover();
    expect(as.grant_types_supported).toEqual(
      expect.arrayContaining(["client_credentials", EXCHANGE, "urn:ietf:params:oauth:grant-type:jwt-bearer"]),
    );
    expect(as.token_endpoint_auth_methods_supported).toEqual(
      expect.arrayContaining(["private_key_jwt", "client_secret_basic"]),
    );
    expect(as.authorization_grant_profiles_supported).toEqual(["urn:ietf:params:oauth:grant-profile:id-jag"]);
    expect(as.dpop_signing_alg_values_supported).toContain("ES256");
  });

  test("openid-client: client credentials with private_key_jwt", async () => {
    const metadata = { ...(await discover()) } as openid.ServerMetadata;
    const config = new openid.Configuration(metadata, "signer", {}, openid.PrivateKeyJwt(key.privateKey));
    openid.allowInsecureRequests(config);
    const tokens = await openid.clientCredentialsGrant(config, { resource: urlOf("notes") });
    expect(tokens.scope).toBe("mcp:read");
    expect((await list("notes", tokens.access_token)).status).toBe(200);
    await expect(openid.clientCredentialsGrant(config, { resource: urlOf("billing") })).rejects.toMatchObject({
      error: "invalid_scope",
    });
  });

  test("private_key_jwt for the token endpoint, from who may write it, and nobody else", async () => {
    const as = await discover();
    const ask = async (client_id: string) => {
      const toEndpoint = {
        [oauth.modifyAssertion]: (_: unknown, claims: Record<string, unknown>) => {
          claims.aud = as.token_endpoint;
        },
      };
      const proof = oauth.PrivateKeyJwt(key.privateKey, toEndpoint);
      const resource = urlOf("notes");
      return (await oauth.clientCredentialsGrantRequest(as, { client_id }, proof, { resource }, LOOPBACK)).status;
    };
    expect([await ask("older"), await ask("signer")]).toEqual([200, 401]);
  });

  test("openid-client: a person's ID-JAG, and a workload's own token", async () => {
    const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    const metadata = { ...(await discover()) } as openid.ServerMetadata;
    const config = new openid.Configuration(metadata, "chat", {}, openid.ClientSecretPost("a secret of chat"));
    openid.allowInsecureRequests(config);
    const claims = { sub: "u-9", groups: ["staff"], client_id: "chat", resource: urlOf("notes"), aud: program.issuer };
    const assertion = await idp.sign(claims, "oauth-id-jag+jwt");
    const tokens = await openid.genericGrantRequest(config, JWT_BEARER, { assertion });
    expect([tokens.scope, decodeJwt(tokens.access_token).client_id]).toEqual(["mcp:read", "chat"]);
    // A workload is nobody's client here before its token says which; `none` sends a client_id that is not read.
    const workload = new openid.Configuration(metadata, "ci", {}, openid.None());
    openid.allowInsecureRequests(workload);
    const said = { sub: "w", aud: program.issuer, repository: "acme/app", "kubernetes.io": { namespace: "prod-eu" } };
    const asked = { assertion: await idp.sign(said), resource: urlOf("notes") };
    const its = await openid.genericGrantRequest(workload, JWT_BEARER, asked);
    expect(decodeJwt(its.access_token).sub).toBe("ci");
  });

  test("oauth4webapi: an exchanged token works where it may, dies with its parent within 2 s, and so do its descendants", async () => {
    const as = await discover();
    const client: oauth.Client = { client_id: "worker" };
    const secret = oauth.ClientSecretBasic("a secret of the worker");
    const resource = urlOf("notes");
    const first = await oauth.processClientCredentialsResponse(
      as,
      client,
      await oauth.clientCredentialsGrantRequest(as, client, secret, { resource }, LOOPBACK),
    );
    const exchange = async (subject_token: string, to: string) => {
      const parameters = { subject_token, subject_token_type: ACCESS_TOKEN, resource: to };
      const answer = await oauth.genericTokenEndpointRequest(as, client, secret, EXCHANGE, parameters, LOOPBACK);
      return (await oauth.processGenericTokenEndpointResponse(as, client, answer)).access_token;
    };
    const weaker = await exchange(first.access_token, resource);
    const elsewhere = await exchange(weaker, urlOf("billing"));
    expect(decodeJwt(elsewhere).scope).toBe("mcp:read");
    expect((await list("notes", weaker)).status).toBe(200);
    expect((await list("billing", elsewhere)).status).toBe(200);
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, secret, first.access_token, LOOPBACK),
    );
    const from = performance.now();
    let statuses: readonly number[] = [200];
    while (performance.now() - from < 2_000 && !statuses.every((status) => status === 401)) {
      statuses = await Promise.all(
        [list("notes", weaker), list("billing", elsewhere)].map(async (one) => (await one).status),
      );
    }
    expect(statuses).toEqual([401, 401]);
  });

  test("RFC 7662: who serves a resource learns of its callers' tokens, and at once that one was revoked; nobody else does", async () => {
    const as = await discover();
    expect(as.introspection_endpoint).toBe(`${program.issuer}/introspect`);
    const secrets = { worker: "a secret of the worker", "notes-server": "a secret of the notes server" } as const;
    const proofOf = (client_id: keyof typeof secrets) => oauth.ClientSecretBasic(secrets[client_id]);
    const tokenFor = async (name: string) => {
      const client: oauth.Client = { client_id: "worker" };
      const resource = urlOf(name);
      const answer = await oauth.clientCredentialsGrantRequest(as, client, proofOf("worker"), { resource }, LOOPBACK);
      return (await oauth.processClientCredentialsResponse(as, client, answer)).access_token;
    };
    const ask = async (client_id: keyof typeof secrets, token: string) => {
      const client: oauth.Client = { client_id };
      const answer = await oauth.introspectionRequest(as, client, proofOf(client_id), token, LOOPBACK);
      return oauth.processIntrospectionResponse(as, client, answer);
    };
    const token = await tokenFor("notes");
    expect(await ask("notes-server", token)).toMatchObject({
      ...{ active: true, sub: "worker", client_id: "worker", aud: urlOf("notes"), scope: "mcp:read" },
    });
    expect(await ask("worker", token)).toEqual({ active: false });
    expect(await ask("notes-server", await tokenFor("billing"))).toEqual({ active: false });
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, { client_id: "worker" }, proofOf("worker"), token, LOOPBACK),
    );
    expect(await ask("notes-server", token)).toEqual({ active: false });
    await expect(
      oauth.processIntrospectionResponse(
        as,
        { client_id: "notes-server" },
        await oauth.introspectionRequest(
          as,
          { client_id: "notes-server" },
          oauth.ClientSecretBasic("x"),
          token,
          LOOPBACK,
        ),
      ),
    ).rejects.toThrow();
  });

  test("rules see who acts: what the worker may, its helper may not", async () => {
    const as = await discover();
    const resource = urlOf("billing");
    const secrets = { worker: "a secret of the worker", helper: "a secret of the helper" };
    const ask = async (client_id: keyof typeof secrets, grant: string, parameters: Record<string, string>) => {
      const client: oauth.Client = { client_id };
      const proof = oauth.ClientSecretBasic(secrets[client_id]);
      const asked = { resource, ...parameters };
      const answer = await oauth.genericTokenEndpointRequest(as, client, proof, grant, asked, LOOPBACK);
      return (await oauth.processGenericTokenEndpointResponse(as, client, answer)).access_token;
    };
    const worker = await ask("worker", "client_credentials", {});
    const actor_token = await ask("helper", "client_credentials", {});
    const tokens = {
      subject_token: worker,
      subject_token_type: ACCESS_TOKEN,
      actor_token,
      actor_token_type: ACCESS_TOKEN,
    };
    const handed = await ask("worker", EXCHANGE, tokens);
    expect(decodeJwt(handed)).toMatchObject({ sub: "worker", act: { sub: "helper", client_id: "helper" } });
    const params = { name: "write_note", arguments: { name: "a", text: "b" } };
    expect((await post("billing", worker, "tools/call", params)).status).toBe(200);
    const denied = await post("billing", handed, "tools/call", params);
    expect([denied.status, await denied.text()]).toEqual([403, expect.stringContaining("The helper only reads.")]);
    expect((await post("billing", handed, "tools/list", {})).status).toBe(200);
  });

  test("a proof is good for one call, this token, this method and this URL", async () => {
    const as = await discover();
    const client: oauth.Client = { client_id: "bound" };
    const DPoP = oauth.DPoP(client, (await generateKeyPair("ES256", { extractable: true })) as CryptoKeyPair);
    const resource = urlOf("notes");
    const ask = async () =>
      oauth.processClientCredentialsResponse(
        as,
        client,
        await oauth.clientCredentialsGrantRequest(
          as,
          client,
          oauth.ClientSecretBasic("a secret of bound"),
          { resource },
          {
            DPoP,
            ...LOOPBACK,
          },
        ),
      );
    const refused: unknown = await ask().catch((error: unknown) => error);
    expect(oauth.isDPoPNonceError(refused)).toBe(true);
    const { access_token, token_type } = await ask();
    expect(token_type).toBe("dpop");
    const sent: Headers[] = [];
    const call = () =>
      oauth.protectedResourceRequest(
        access_token,
        "POST",
        new URL(resource),
        MCP_HEADERS,
        messageOf("tools/list", {}),
        {
          DPoP,
          ...LOOPBACK,
          [oauth.customFetch]: (url, init) => {
            sent.push(new Headers(init.headers));
            return fetch(url, init as RequestInit);
          },
        },
      );
    await call().catch(() => undefined);
    expect((await call()).status).toBe(200);
    const good = sent.at(-1);
    const again = await Promise.all(
      [1, 2].map(() => fetch(resource, { method: "POST", headers: good ?? [], body: messageOf("tools/list", {}) })),
    );
    expect(again.map(({ status }) => status)).toEqual([401, 401]);
    expect(again[0]?.headers.get("www-authenticate")).toMatch(/DPoP error="invalid_dpop_proof"/);
    const elsewhere = await fetch(urlOf("billing"), {
      method: "POST",
      headers: good ?? [],
      body: messageOf("tools/list", {}),
    });
    expect(elsewhere.status).toBe(401);
  });

  test("a workload's own token is enough, for the servers of its rule", async () => {
    const as = await discover();
    const ask = async (claims: JWTPayload, name = "notes") => {
      const assertion = await idp.sign({ sub: "workload", aud: as.token_endpoint ?? "", ...claims });
      const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
      const body = new URLSearchParams({ grant_type, assertion, resource: urlOf(name) });
      const answer = await fetch(as.token_endpoint ?? "", { method: "POST", body });
      return [answer.status, (await answer.json()) as { access_token: string; error?: string }] as const;
    };
    const mine = { repository: "acme/app", "kubernetes.io": { namespace: "prod-eu" } };
    const [status, tokens] = await ask(mine);
    expect([status, decodeJwt(tokens.access_token).sub]).toEqual([200, "ci"]);
    expect((await list("notes", tokens.access_token)).status).toBe(200);
    expect((await ask(mine, "billing"))[1].error).toBe("invalid_grant");
    expect((await ask({ ...mine, repository: "evil/app" }))[1].error).toBe("invalid_grant");
  });

  test("idjag-replay: one assertion, one token", async () => {
    const as = await discover();
    const client: oauth.Client = { client_id: "chat" };
    const claims = { sub: "u-1", groups: ["staff"], client_id: "chat", resource: urlOf("notes"), aud: program.issuer };
    const assertion = await idp.sign(claims, "oauth-id-jag+jwt");
    const ask = async () =>
      oauth.processGenericTokenEndpointResponse(
        as,
        client,
        await oauth.genericTokenEndpointRequest(
          as,
          client,
          oauth.ClientSecretPost("a secret of chat"),
          "urn:ietf:params:oauth:grant-type:jwt-bearer",
          { assertion },
          LOOPBACK,
        ),
      );
    expect((await ask()).scope).toBe("mcp:read");
    await expect(ask()).rejects.toMatchObject({ error: "invalid_grant" });
  });
});
