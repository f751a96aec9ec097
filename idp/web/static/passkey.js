// Passkeys and security keys (WebAuthn Level 3): asks the browser, sends its answer with the form.
//
// A block (a form, or an element within one) carries the server's options as JSON:
//   data-passkey-get / data-passkey-create   for navigator.credentials.get / .create
//   data-passkey-autofill  (with -get) also offers passkeys in the field that has
//                          autocomplete="username webauthn" (conditional mediation)
// Within it:
//   data-passkey-button    begins; where it is the main button, type="submit"
//   data-passkey-problem   role="alert", empty and hidden: says what went wrong, in its own words:
//                          data-cancelled, data-failed, data-known (create: this device holds one)
//   data-passkey-wait      hidden; shown while the browser asks (optional)
// The form's input[name=credential] is filled in, and the form sent unvalidated, as by no button.
// Anywhere on the page:
//   data-passkey-absent    hidden; shown where the browser knows no passkeys. There, blocks go away,
//                          of a form only its button
//   data-passkey-known     the account's passkeys as JSON, so that browsers forget removed ones
const able = Boolean(window.PublicKeyCredential && navigator.credentials);
const bytes = (text) => Uint8Array.from(
  atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0),
);
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// By hand, since some browsers lack parse…OptionsFromJSON, and some password managers toJSON.
const decoded = (json) => {
  const options = { ...json, challenge: bytes(json.challenge) };
  if (json.user) options.user = { ...json.user, id: bytes(json.user.id) };
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    if (json[list]) options[list] = json[list].map((one) => ({ ...one, id: bytes(one.id) }));
  }
  return options;
};
const encoded = (credential) => {
  const given = credential.response;
  const response = { transports: given.getTransports?.() };
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (given[part]) response[part] = text(given[part]);
  }
  const { id, type, rawId } = credential;
  const clientExtensionResults = credential.getClientExtensionResults();
  return JSON.stringify({ id, rawId: text(rawId), type, response, clientExtensionResults });
};

let pending;
const ask = async (block, more) => {
  pending?.abort();
  pending = new AbortController();
  const { passkeyGet, passkeyCreate } = block.dataset;
  const publicKey = decoded(JSON.parse(passkeyCreate ?? passkeyGet));
  const request = { publicKey, signal: pending.signal, ...more };
  const { credentials } = navigator;
  const credential = await (passkeyCreate ? credentials.create(request) : credentials.get(request));
  const form = block.closest("form");
  form.elements.namedItem("credential").value = encoded(credential);
  HTMLFormElement.prototype.submit.call(form);
};

const offer = async (block) => {
  if (!("passkeyAutofill" in block.dataset)) return;
  if (!await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
  // Ended by a button, or by the person: the form stands as it is.
  ask(block, { mediation: "conditional" }).catch(() => {});
};

const begin = async (block, button) => {
  const problem = block.querySelector("[data-passkey-problem]");
  const wait = block.querySelector("[data-passkey-wait]") ?? {};
  problem.hidden = button.disabled = true;
  wait.hidden = false;
  try {
    await ask(block);
  } catch (error) {
    const words = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" };
    problem.textContent = problem.dataset[words[error.name]] ?? problem.dataset.failed;
    problem.hidden = button.disabled = false;
    wait.hidden = true;
    button.focus();
    offer(block);
  }
};

for (const block of document.querySelectorAll("[data-passkey-get], [data-passkey-create]")) {
  const button = block.querySelector("[data-passkey-button]");
  if (able) {
    button?.addEventListener("click", (event) => {
      event.preventDefault();
      begin(block, button);
    });
    offer(block);
  } else (block.matches("form") ? button : block)?.toggleAttribute("hidden", true);
}
for (const absent of document.querySelectorAll("[data-passkey-absent]")) absent.hidden = able;
for (const { dataset } of document.querySelectorAll("[data-passkey-known]")) {
  window.PublicKeyCredential?.signalAllAcceptedCredentials?.(JSON.parse(dataset.passkeyKnown)).catch(() => {});
}
// Come back to by the browser's memory: its challenge has been answered.
addEventListener("pageshow", (event) => event.persisted && location.reload());
