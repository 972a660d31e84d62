/*
 * The tables as they are, members named as the columns. Portable on purpose: times are integer seconds in `bigint`, truth is 0 or 1,
 * lists and records are JSON text, hashes and sealed values base64url text. What the members mean is said by the
 * ports; here only what is the store's own.
 */

import type { SigningAlgorithm } from "@sallyport/auth";

type Flag = 0 | 1;

/** A column that holds `JSON.stringify` of something. */
type Json = string;

export interface Schema {
  clients: {
    client_id: string;
    origin: "registered" | "configured" | "document";
    metadata: Json;
    secret_hash: string | null;
    created: number;
    expires: number | null;
  };
  /** For operators to see; what is decided is decided without it. */
  client_documents: {
    client_id: string;
    host: string;
    name: string | null;
    unlisted: Flag;
    first_seen: number;
    last_seen: number;
  };
  pending: { id_hash: string; client_id: string; expires: number; record: Json };
  codes: {
    code_hash: string;
    session_id: string;
    expires: number;
    consumed: number | null;
    record: Json;
  };
  /** `polled` and `poll_interval`: when it asked last, and how long it has to wait. */
  devices: {
    device_hash: string;
    user_hash: string;
    status: "waiting" | "approved" | "denied";
    polled: number | null;
    poll_interval: number | null;
    expires: number;
    record: Json;
  };
  grants: {
    id: string;
    sub: string;
    client_id: string;
    resource: string;
    scopes: Json;
    details: Json | null;
    created: number;
    updated: number;
  };
  sessions: {
    id: string;
    grant_id: string;
    parent_id: string | null;
    sub: string;
    client_id: string;
    resource: string;
    scopes: Json;
    details: Json | null;
    dpop_jkt: string | null;
    label: string;
    auth_time: number;
    created: number;
    last_used: number;
    idle_expires: number;
    expires: number;
    revoked: number | null;
  };
  /** `predecessor`, `rotated`, `successor` chain a token family; `sealed_successor` goes when the successor is rotated. */
  refresh_tokens: {
    hash: string;
    session_id: string;
    predecessor: string | null;
    rotated: number | null;
    successor: string | null;
    sealed_successor: string | null;
  };
  replay: { kind: string; key: string; expires: number };
  users: {
    sub: string;
    name: string;
    /** `name` in NFKC and lower case: the unique one. */
    name_key: string;
    roles: Json;
    owner: Flag;
    disabled: Flag;
    password_hash: string | null;
    created: number;
  };
  passkeys: {
    id: string;
    sub: string;
    public_key: string;
    counter: number;
    transports: Json;
    label: string;
    created: number;
  };
  entitlements: { sub: string; server: string; scopes: Json };
  /** Who somebody is elsewhere; roles from there have the age of `roles_at`. */
  identities: { issuer: string; subject: string; sub: string; name: string | null; roles: Json; roles_at: number };
  /** From which sessions of an identity provider somebody signed in here, and when last. */
  idp_sessions: { issuer: string; sid_hash: string; sub: string; seen: number };
  idp_sign_outs: { issuer: string; who_hash: string; at: number };
  /** Callers with tokens of other servers; `""` in `sub` or `client_id` stands for "any", in rows that only say what was revoked. */
  external_grants: {
    issuer: string;
    sub: string;
    client_id: string;
    roles: Json;
    roles_at: number;
    revoked_at: number | null;
  };
  browser_sessions: {
    token_hash: string;
    sub: string;
    auth_time: number;
    purpose: "flow" | "account" | "browser";
    /** Sealed: JSON of `csrf_secret` and `pending_id`, both secrets. */
    secrets: string;
    expires: number;
  };
  one_time_codes: { purpose: "owner" | "user"; sub: string; code_hash: string; tries: number; expires: number };
  ceremonies: { id: string; challenge: string; sub: string | null; expires: number };
  changes: {
    seq: number;
    kind: "session" | "grant" | "user" | "client" | "cutoff" | "catalogue" | "key" | "secret";
    key: string;
    at: number;
  };
  /** One row, `changes`: the last `seq` given out. Updating it orders the transactions that append. */
  counters: { name: string; value: number };
  signing_keys: {
    kid: string;
    alg: SigningAlgorithm;
    public_jwk: Json;
    /** Sealed private JWK. */
    private_jwk: string;
    created: number;
    /** When another key took over; `null`: this one signs. */
    retired: number | null;
  };
  catalogue: {
    server: string;
    tool: string;
    scope: string;
    hash: string;
    first_seen: number;
    accepted: number | null;
    seen: string | null;
  };
  /** The newest of each session; `open`: no refresh was answered by it yet. */
  refusals: {
    session_id: string;
    sub: string;
    client_id: string;
    resource: string;
    tool: string;
    scopes: Json;
    open: Flag;
    at: number;
  };
  /** `id` is JSON of (`sub`, `connection`): what the seal of `tokens` is bound to. `claimed_until`: somebody refreshes them. `ends`: it goes by then. */
  connections: {
    id: string;
    sub: string;
    connection: string;
    version: string;
    /** Sealed; `null`: ended by the other system. */
    tokens: string | null;
    scopes: Json;
    created: number;
    updated: number;
    ends: number | null;
    claimed_until: number | null;
  };
  /** `value`: sealed over `name`. */
  secrets: { name: string; value: string; created: number; updated: number };
  installations: { name: string; fingerprint: string; created: number };
  /** What is true of the database as a whole: `schema` (its version), `seal-probe` (opens under the right master key). */
  facts: { name: string; value: string };
}
