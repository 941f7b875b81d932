// Keys reach the review without a click. textual.js marks the body once its socket is open; before, a focus would
// make it write to a socket that is not.
function focusTerminal() {
  const { classList } = document.body;
  if (classList.contains("-loaded") && !classList.contains("-closed")) {
    document.querySelector(".xterm-helper-textarea")?.focus();
  }
}
new MutationObserver(focusTerminal).observe(document.body, { attributeFilter: ["class"] });
window.addEventListener("focus", focusTerminal);
