import { describe, expect, onTestFinished, test } from "vitest";
import type { Decided } from "../decision-log/contract.js";
import type { Credential, CredentialRequest, CredentialSource } from "../upstream/credentials/contract.js";
import { CREDENTIAL_ERRORS, CredentialError, type CredentialReason } from "../upstream/credentials/credential-error.js";
import { createUserCredentials, type UserCredentialSource } from "../upstream/credentials/user-credentials.js";
import { type Answer, json, result } from "./testing/fake-upstream.js";
import { call, createHarness, type Harness } from "./testing/harness.js";

const credential = (name: string): Credential => ({ headers: { authorization: `Bearer ${name}` }, tokenId: name });

interface Started extends Harness {
  readonly decided: readonly Decided[];
}

async function start(credentials: CredentialSource, answer: Answer = result({})): Promise<Started> {
  const decided: Decided[] = [];
  const decisions = { record: (one: Decided) => void decided.push(one) };
  const harness = await createHarness({ answer, server: { credentials, decisions } });
  onTestFinished(() => harness.gateway.close());
  return { ...harness, decided };
}

/** Refuses every token but this one, as a protected server does. */
const accepting =
  (good: string): Answer =>
  (exchange) =>
    exchange.request.headers.authorization === `Bearer ${good}`
      ? result({ ok: true })(exchange)
      : json({ error: "invalid_token" }, { status: 401, headers: { "www-authenticate": "Bearer" } })(exchange);

const sent = ({ upstream }: Harness) => upstream.exchanges.map(({ request }) => request.headers.authorization);

describe("the inner door", () => {
  test("sends a credential of its own, and the decision names it beside the caller's token", async () => {
    const started = await start({ credentialFor: () => credential("one") });
    expect((await started.post(call("read_notes"))).status).toBe(200);
    expect(sent(started)).toEqual(["Bearer one"]);
    expect(started.decided[0]).toMatchObject({ upstreamToken: "one", who: { principal: { sub: "user-1" } } });
  });

  test("hands the caller's token to the source that asks for it, and to nothing else (R-146)", async () => {
    const seen: CredentialRequest[] = [];
    const started = await start({
      credentialFor: (request) => {
        seen.push(request);
        return credential("one");
      },
    });
    const headers = await started.caller();
    await started.post(call("read_notes"), headers);
    expect(`Bearer ${seen[0]?.callerToken()}`).toBe(headers.authorization);
    expect(JSON.stringify(seen)).not.toContain(seen[0]?.callerToken());
    expect(JSON.stringify([started.decided, started.upstream.exchanges[0]?.request])).not.toContain(
      seen[0]?.callerToken(),
    );
  });

  test("is not opened for a call that is refused", async () => {
    let opened = 0;
    const started = await start({
      credentialFor: () => {
        opened += 1;
        return credential("one");
      },
    });
    expect((await started.post(call("write_note"))).status).toBe(403);
    expect([opened, started.upstream.exchanges.length]).toEqual([0, 0]);
  });

  test.each(Object.entries(CREDENTIAL_ERRORS))(
    "answers %s by its name, records the decision and sends nothing",
    async (reason, { status, text }) => {
      const fail = () => Promise.reject(new CredentialError(reason as CredentialReason, "why", { retryAfter: 7 }));
      const started = await start({ credentialFor: fail });
      const answer = await started.post(call("read_notes", {}, 9));
      expect(answer.status).toBe(status);
      expect(answer.headers.get("www-authenticate")).toBeNull();
      expect(answer.headers.get("retry-after")).toBe("7");
      expect(await answer.json()).toMatchObject({ id: 9, error: { message: text, data: { reason } } });
      expect(started.upstream.exchanges).toHaveLength(0);
      expect(started.decided).toHaveLength(1);
    },
  );

  test("sends the same bytes once more when the upstream refuses a token that can be replaced", async () => {
    const refusals: unknown[] = [];
    const started = await start(
      {
        credentialFor: () => credential("stale"),
        refused: (_request, { tokenId }, { status, attempt }) => {
          refusals.push({ tokenId, status, attempt });
          return Promise.resolve(credential("fresh"));
        },
      },
      accepting("fresh"),
    );
    const answer = await started.post(call("read_notes", {}, 3));
    expect(await answer.json()).toMatchObject({ id: 3, result: { ok: true } });
    expect(sent(started)).toEqual(["Bearer stale", "Bearer fresh"]);
    expect(refusals).toEqual([{ tokenId: "stale", status: 401, attempt: 1 }]);
    const bodies = started.upstream.exchanges.map(({ request }) => Buffer.from(request.body ?? []).toString());
    expect(bodies[1]).toBe(bodies[0]);
  });

  test.each([
    ["at once", (): Credential => credential("other")],
    ["later", () => Promise.resolve(credential("other"))],
  ])("sends nothing a third time, whatever the source answers %s", async (_, refused) => {
    const started = await start({ credentialFor: () => credential("stale"), refused }, accepting("none"));
    const answer = await started.post(call("read_notes"));
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ error: { data: { reason: "credential_rejected" } } });
    expect(sent(started)).toEqual(["Bearer stale", "Bearer other"]);
  });

  test("passes a refusal on as the gateway's own when there is no other credential", async () => {
    const started = await start({ credentialFor: () => credential("stale") }, accepting("none"));
    const answer = await started.post(call("read_notes"));
    expect([answer.status, await answer.json()]).toMatchObject([
      502,
      { error: { data: { reason: "upstream_refused_gateway" } } },
    ]);
  });

  test("sends nothing again for a caller who has left", async () => {
    let give: (late: Credential) => void = () => {};
    let asked: () => void = () => {};
    const refused = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const late = new Promise<Credential>((resolve) => {
      give = resolve;
    });
    const source: CredentialSource = {
      credentialFor: () => credential("stale"),
      refused: () => {
        asked();
        return late;
      },
    };
    const started = await start(source, accepting("fresh"));
    const leaving = new AbortController();
    const answer = fetch(started.url, {
      method: "POST",
      headers: await started.caller(),
      body: JSON.stringify(call("read_notes")),
      signal: leaving.signal,
    }).catch(() => "left");
    await refused;
    leaving.abort();
    expect(await answer).toBe("left");
    await expect.poll(() => started.gateway.openExchanges, { timeout: 10_000 }).toBe(0);
    give(credential("fresh"));
    await late;
    expect(sent(started)).toEqual(["Bearer stale"]);
  });
});

describe("a credential of the user's own", () => {
  const token = { token: "s3cret", id: "t1" };
  const nobody: UserCredentialSource = {
    tokenFor: () => ({ connectUrl: "https://mcp.example.com/connect/x", why: "missing" }),
    refused: () => undefined,
  };

  test("is asked for by person and connection, and sent with its own scheme", async () => {
    const asked: unknown[] = [];
    const source: UserCredentialSource = {
      ...nobody,
      tokenFor: ({ iss, sub }, connection) => {
        asked.push([iss, sub, connection]);
        return { ...token, scheme: "token" };
      },
    };
    const started = await start(createUserCredentials(source, "github"));
    expect((await started.post(call("read_notes"))).status).toBe(200);
    expect(sent(started)).toEqual(["token s3cret"]);
    expect(asked).toEqual([[started.issuer.issuer, "user-1", "github"]]);
    expect(started.decided[0]?.upstreamToken).toBe("t1");
  });

  test("that is not there leads to the page where it can be connected, and nothing goes on", async () => {
    const started = await start(createUserCredentials(nobody, "github"));
    const answer = await started.post(call("read_notes"));
    const data = {
      reason: "connection_needed",
      connectUrl: "https://mcp.example.com/connect/x",
      connection: "github",
      why: "missing",
    };
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: -32000, data } }]);
    expect(started.upstream.exchanges).toHaveLength(0);
  });

  test("that the third party refuses leads there too", async () => {
    const source: UserCredentialSource = {
      tokenFor: () => token,
      refused: async () => ({ connectUrl: "https://mcp.example.com/connect/x", why: "scope" }),
    };
    const started = await start(createUserCredentials(source, "github"), accepting("none"));
    const answer = await started.post(call("read_notes"));
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { data: { why: "scope" } } }]);
  });
});
