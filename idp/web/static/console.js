// The consoles: what was done is read out, group boxes tick their entries, long lists filter as one
// types, menus close, what is done to many waits until somebody is selected.

// A message that is there when the page opens is announced by no screen reader: the focus goes to
// it, and Tab goes on from there instead of from the top.
const said = document.querySelector("main [role=alert], main .notice[role=status]");
if (said && !location.hash && !document.querySelector("[autofocus]")) {
  said.tabIndex = -1;
  said.focus();
}
for (const all of document.querySelectorAll("[data-check-all]")) {
  const boxes = [...all.closest("fieldset").querySelectorAll("input[name=permission]:enabled")];
  const follow = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  follow();
  all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
  boxes.forEach((box) => box.addEventListener("change", follow));
}
for (const box of document.querySelectorAll("input[name=product]")) {
  const some = box.form.querySelector("input[name=products][value=some]");
  box.addEventListener("change", () => { if (some) some.checked = true; });
}
for (const form of document.querySelectorAll("[data-selection]")) {
  const boxes = [...form.querySelectorAll("input[name=person]")];
  const all = form.querySelector("[data-pick-all]");
  const follow = () => {
    const picked = boxes.filter((box) => box.checked).length;
    all.checked = picked === boxes.length;
    all.indeterminate = picked > 0 && picked < boxes.length;
    form.querySelector("[data-bar]").hidden = picked === 0;
    form.querySelector("[data-picked]").textContent = picked;
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    follow();
  });
  for (const box of boxes) box.addEventListener("change", follow);
  window.addEventListener("pageshow", follow);
  follow();
}
// As the lists of the server fold names: Müller, Mueller and Muller are one.
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
  .replace(/ß/g, "ss").replace(/ø/g, "o").replace(/ł/g, "l").replace(/ı/g, "i").replace(/([aou])e/g, "$1");
for (const input of document.querySelectorAll("[data-filter]")) {
  const rows = [...document.getElementById(input.dataset.filter).children];
  input.addEventListener("input", () => {
    const wanted = folded(input.value.trim());
    for (const row of rows) row.hidden = !folded(row.textContent).includes(wanted);
  });
}
const menus = [...document.querySelectorAll(".top details")];
document.addEventListener("click", (event) => {
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus) {
    if (menu.open) { menu.open = false; menu.querySelector("summary").focus(); }
  }
});
