// Copy buttons: [data-copy="id"] copies the text of that element (list items one a line).
// [data-download="id"] saves it under data-name, [data-print] prints the page.
const textOf = (id) => {
  const element = document.getElementById(id);
  const items = element.querySelectorAll("li");
  const lines = items.length ? [...items].map((item) => item.textContent.trim()) : [element.textContent.trim()];
  return lines.join("\n");
};
const say = (button) => {
  const status = document.getElementById(button.dataset.status);
  if (status) {
    status.textContent = "";
    setTimeout(() => { status.textContent = button.dataset.done; }, 50);
  }
};
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const text = textOf(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(button.dataset.join === "" ? text.replaceAll(" ", "") : text);
      say(button);
    } catch {
      getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    }
  });
}
for (const button of document.querySelectorAll("[data-download]")) {
  button.addEventListener("click", () => {
    const head = button.dataset.head ? button.dataset.head + "\n\n" : "";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([head + textOf(button.dataset.download) + "\n"], { type: "text/plain" }));
    link.download = button.dataset.name;
    link.click();
    URL.revokeObjectURL(link.href);
    say(button);
  });
}
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => print());
}
