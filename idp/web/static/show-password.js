// The eye beside a password: shows what was typed, hides it again before the form is sent.
for (const button of document.querySelectorAll("[data-show-password]")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus({ preventScroll: true });
  });
  input.form?.addEventListener("submit", () => show(false));
}
