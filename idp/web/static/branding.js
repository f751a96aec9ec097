// The company's colour and logo as they are chosen: the page itself is the preview.
const text = document.getElementById("accent");
const picker = document.getElementById("accent-picker");
const file = document.getElementById("logo");
const shown = document.getElementById("preview-logo");
const colour = /^#?([0-9a-f]{6})$/i;
let sheet = document.querySelector('link[href^="/brand/"]');

function wear(value) {
  const match = colour.exec(value.trim());
  if (value.trim() && !match) return;
  const next = match && document.createElement("link");
  if (next) {
    next.rel = "stylesheet";
    next.href = `/brand/${match[1].toLowerCase()}.css`;
    // The old one goes once the new one is there, so that nothing flickers.
    const old = sheet;
    next.addEventListener("load", () => old && old.remove());
    document.head.append(next);
  } else if (sheet) sheet.remove();
  sheet = next;
  document.getElementById("accent-readable")?.remove();
}
picker.hidden = false;
let waiting;
const soon = () => { clearTimeout(waiting); waiting = setTimeout(() => wear(text.value), 150); };
text.addEventListener("input", () => {
  const match = colour.exec(text.value.trim());
  if (match) picker.value = `#${match[1].toLowerCase()}`;
  soon();
});
picker.addEventListener("input", () => { text.value = picker.value; soon(); });
file.addEventListener("change", () => {
  const [chosen] = file.files;
  if (!chosen || !file.accept.split(",").includes(chosen.type)) return;
  const reader = new FileReader();
  reader.addEventListener("load", () => { shown.src = reader.result; shown.hidden = false; });
  reader.readAsDataURL(chosen);
});
