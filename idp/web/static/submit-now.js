// Form Post Response Mode: sends the form at once; its button remains for browsers without script.
const form = document.querySelector("form[data-submit-now]");
if (form) HTMLFormElement.prototype.submit.call(form);
