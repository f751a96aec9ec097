// The form of a client: judged by the server as one types, half a second after the last key.
const form = document.querySelector("form[data-check]");
const touched = new Set();
let waiting;
let asking;
const show = (problems) => {
  for (const name of touched) {
    const place = document.getElementById(`${name}-error`);
    const field = document.getElementById(name);
    if (!place || !field) continue;
    const found = problems[name] ?? [];
    const lines = found.flatMap((text, at) => (at ? [document.createElement("br"), text] : [text]));
    place.firstElementChild.replaceChildren(...lines);
    place.hidden = found.length === 0;
    if (found.length) {
      place.setAttribute("role", "alert");
      field.setAttribute("aria-invalid", "true");
    } else field.removeAttribute("aria-invalid");
  }
};
const check = async () => {
  asking?.abort();
  asking = new AbortController();
  const body = new URLSearchParams(new FormData(form));
  if (form.dataset.client) body.set("client_id", form.dataset.client);
  try {
    const answer = await fetch(form.dataset.check, {
      method: "POST", body, signal: asking.signal, redirect: "error",
    });
    if (answer.ok) show(await answer.json());
  } catch {
    // Without an answer the form says what is wrong when it is sent.
  }
};
for (const kind of ["input", "change"]) {
  form.addEventListener(kind, (event) => {
    if (event.target.name === "kind") for (const name of ["redirect_uris", "jwks"]) touched.add(name);
    touched.add(event.target.id);
    clearTimeout(waiting);
    waiting = setTimeout(check, 500);
  });
}
