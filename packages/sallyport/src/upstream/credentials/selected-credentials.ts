import { createCallGlob, type McpCall, targetOf } from "@sallyport/auth";
import type { Credential, CredentialRequest, CredentialSource } from "./contract.js";
import { CredentialError } from "./credential-error.js";

/** Nothing is added. */
const NOTHING: Credential = { headers: {}, tokenId: undefined };
export const noCredentials: CredentialSource = { credentialFor: () => NOTHING };

/** The same headers for everybody: those that `read` answers, which answers the same object as long as nothing changed. */
export function createStaticCredentials(read: () => Readonly<Record<string, string>>): CredentialSource {
  let last: { readonly of: Readonly<Record<string, string>>; readonly credential: Credential } | undefined;
  const credentialFor = (): Credential => {
    const of = read();
    if (last?.of !== of) {
      const lower = Object.fromEntries(Object.entries(of).map(([name, value]) => [name.toLowerCase(), value]));
      last = { of, credential: { headers: lower, tokenId: undefined } };
    }
    return last.credential;
  };
  return { credentialFor, own: async () => credentialFor() };
}

export interface SelectedCredentials {
  /** In order: the first whose globs match a call is the one. */
  readonly rows: readonly { readonly for: readonly string[]; readonly source: CredentialSource }[];
  readonly otherwise: CredentialSource;
}

/**
 * Different credentials for different tools, prompts and resources. Messages of the protocol itself go with `otherwise`; a body whose calls
 * need several is refused. @throws TypeError for a malformed glob
 */
export function createSelectedCredentials({ rows, otherwise }: SelectedCredentials): CredentialSource {
  const compiled = rows.map(({ for: globs, source }) => ({ globs: globs.map((glob) => createCallGlob(glob)), source }));
  const all = new Set([...rows.map(({ source }) => source), otherwise]);
  const chosen = new WeakMap<Credential, CredentialSource>();

  const sourceOf = (call: McpCall): CredentialSource => {
    const target = targetOf(call);
    if (target === undefined) return otherwise;
    return compiled.find(({ globs }) => globs.some((glob) => glob.matches(target)))?.source ?? otherwise;
  };
  const choose = ({ calls }: CredentialRequest): CredentialSource => {
    const [first, ...more] = calls;
    if (first === undefined) return otherwise;
    const source = sourceOf(first);
    if (more.some((call) => sourceOf(call) !== source)) {
      throw new CredentialError("credential_conflict", "a batch over several credentials");
    }
    return source;
  };
  const note = (source: CredentialSource, credential: Credential): Credential => {
    chosen.set(credential, source);
    return credential;
  };
  return {
    credentialFor(request) {
      const source = choose(request);
      const credential = source.credentialFor(request);
      return credential instanceof Promise ? credential.then((late) => note(source, late)) : note(source, credential);
    },
    refused(request, credential, refusal) {
      const source = chosen.get(credential);
      const next = source?.refused?.(request, credential, refusal);
      if (source === undefined || next === undefined) return undefined;
      return next instanceof Promise ? next.then((late) => note(source, late)) : note(source, next);
    },
    ...(otherwise.own && { own: otherwise.own }),
    answered: (headers) => {
      for (const source of all) source.answered?.(headers);
    },
    forget: (isEnded) => {
      for (const source of all) source.forget?.(isEnded);
    },
  };
}
