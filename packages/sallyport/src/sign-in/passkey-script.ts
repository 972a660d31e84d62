import { createHash } from "node:crypto";

/*
 * The one script of these pages: it hands the options of a form to `navigator.credentials` and the answer back through the form. It
 * fetches nothing and writes only text. Forms it serves are hidden without it.
 */
export const PASSKEY_SCRIPT = `(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
  const decode = (options) => ({
    ...options,
    challenge: bytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
    excludeCredentials: (options.excludeCredentials || []).map((known) => ({ ...known, id: bytes(known.id) })),
  });
  const encode = ({ id, type, authenticatorAttachment, response }) => {
    const answer = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (response[name]) answer[name] = text(response[name]);
    if (response.getTransports) answer.transports = response.getTransports();
    return JSON.stringify({ id, rawId: id, type, authenticatorAttachment, clientExtensionResults: {}, response: answer });
  };
  const finish = (form, credential) => {
    form.elements.credential.value = encode(credential);
    form.submit();
  };
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const create = form.dataset.passkey === "create";
    const publicKey = decode(JSON.parse(form.dataset.options));
    const status = form.querySelector("[role=status]");
    let waiting = new AbortController();
    form.hidden = false;
    for (const part of document.querySelectorAll("[data-with-passkey]")) part.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      waiting.abort();
      waiting = new AbortController();
      status.textContent = "Waiting for your device…";
      try {
        const request = { publicKey, signal: waiting.signal };
        finish(form, await (create ? navigator.credentials.create(request) : navigator.credentials.get(request)));
      } catch (error) {
        status.textContent = error.name === "InvalidStateError"
          ? "This device already has a passkey for you here."
          : "No passkey was used. Try again, or choose another way.";
      }
    });
    // The passkey also appears among the suggestions of the user name field.
    if (!create && PublicKeyCredential.isConditionalMediationAvailable)
      PublicKeyCredential.isConditionalMediationAvailable()
        .then((can) => can && navigator.credentials.get({ publicKey, mediation: "conditional", signal: waiting.signal }))
        .then((credential) => credential && finish(form, credential))
        .catch(() => {});
  }
})();`;

/** For `script-src` (CSP 3 §8.3). */
export const PASSKEY_SCRIPT_HASH = `'sha256-${createHash("sha256").update(PASSKEY_SCRIPT).digest("base64")}'`;
