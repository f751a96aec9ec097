// Passkeys and security keys (WebAuthn Level 3): asks the browser, sends its answer with the form.
//
// A block (a form, or an element within one) carries the options of the server as JSON:
//   data-passkey-get="{…}" or data-passkey-create="{…}"  options for navigator.credentials
//   data-passkey-autofill    (with -get) also offers passkeys in the field that has
//                            autocomplete="username webauthn" (conditional mediation)
// Within the block:
//   data-passkey-button      a button that begins; type="submit" where it is the main one: without
//                            script it then sends the form with an empty credential
//   data-passkey-problem     where a failure is said: an empty element with role="alert" and hidden;
//                            its texts: data-cancelled, data-failed, data-known (create: this
//                            device holds one already)
//   data-passkey-wait        shown, and the button disabled, while the browser asks (optional)
// The form holds <input type="hidden" name="credential">; it is filled in, and the form submitted
// without its validation and without the name of any button. On the page, anywhere:
//   data-passkey-absent      hidden, shown where the browser knows no passkeys; blocks that are no
//                            form are hidden then, and in a form its button
//   data-passkey-known="{…}" the account's passkeys, told to the browser so that it stops offering
//                            removed ones (signalAllAcceptedCredentials)
const able = Boolean(window.PublicKeyCredential && navigator.credentials);
const bytes = (text) => Uint8Array.from(
  atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0),
);
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// What parseCreationOptionsFromJSON and parseRequestOptionsFromJSON do, for browsers without them.
const decoded = (json) => {
  const options = { ...json, challenge: bytes(json.challenge) };
  if (json.user) options.user = { ...json.user, id: bytes(json.user.id) };
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    if (json[list]) options[list] = json[list].map((one) => ({ ...one, id: bytes(one.id) }));
  }
  return options;
};

// What toJSON does; browsers lack it, and some password managers put objects in place without it.
const encoded = (credential) => {
  const given = credential.response;
  const response = { clientDataJSON: text(given.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (given[part]) response[part] = text(given[part]);
  }
  if (given.getTransports) response.transports = given.getTransports();
  return JSON.stringify({
    id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
};

let pending;
const ask = (block, more = {}) => {
  pending?.abort();
  pending = new AbortController();
  const creating = "passkeyCreate" in block.dataset;
  const json = JSON.parse(creating ? block.dataset.passkeyCreate : block.dataset.passkeyGet);
  const request = { publicKey: decoded(json), signal: pending.signal, ...more };
  return creating ? navigator.credentials.create(request) : navigator.credentials.get(request);
};
const send = (block, credential) => {
  const form = block.closest("form");
  form.elements.namedItem("credential").value = encoded(credential);
  HTMLFormElement.prototype.submit.call(form);
};

const autofill = async (block) => {
  if (!await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
  try {
    send(block, await ask(block, { mediation: "conditional" }));
  } catch { /* ended by a button or by the person; the form stands as it is */ }
};

const begin = async (block, button) => {
  const problem = block.querySelector("[data-passkey-problem]");
  const wait = block.querySelector("[data-passkey-wait]");
  const busy = (is) => {
    button.disabled = is;
    if (wait) wait.hidden = !is;
  };
  problem.hidden = true;
  busy(true);
  try {
    send(block, await ask(block));
  } catch (error) {
    busy(false);
    const said = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" };
    problem.textContent = problem.dataset[said[error.name]] ?? problem.dataset.failed;
    problem.hidden = false;
    button.focus();
    if ("passkeyAutofill" in block.dataset) autofill(block);
  }
};

for (const block of document.querySelectorAll("[data-passkey-get], [data-passkey-create]")) {
  const button = block.querySelector("[data-passkey-button]");
  if (!able) {
    (block.matches("form") ? button : block)?.toggleAttribute("hidden", true);
    continue;
  }
  button?.addEventListener("click", (event) => {
    event.preventDefault();
    begin(block, button);
  });
  if ("passkeyAutofill" in block.dataset) {
    autofill(block);
    addEventListener("pageshow", (event) => event.persisted && autofill(block));
  }
}
for (const absent of document.querySelectorAll("[data-passkey-absent]")) absent.hidden = able;
for (const known of document.querySelectorAll("[data-passkey-known]")) {
  if (able) PublicKeyCredential.signalAllAcceptedCredentials?.(JSON.parse(known.dataset.passkeyKnown))
    .catch(() => {});
}
