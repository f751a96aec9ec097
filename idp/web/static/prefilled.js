// Fields that begin with something typed already: [data-caret-at-end] is focused behind it.
for (const input of document.querySelectorAll("[data-caret-at-end]")) {
  input.focus();
  input.setSelectionRange(input.value.length, input.value.length);
}
