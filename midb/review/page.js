
"use strict";
// One key for each verdict. While somebody types, keys are letters: only Ctrl+Enter and Escape mean anything then.
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("textarea, input");
  if (typing && event.key === "Escape") { event.target.blur(); return; }
  if (typing && event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "text") {
    event.preventDefault();
    document.querySelector("button[value=change]").click();
    return;
  }
  if (typing && event.key === "Enter" && event.target.id === "note") { event.preventDefault(); event.target.blur(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const target = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (!target) return;
  event.preventDefault();
  if (target.matches("textarea, input")) target.focus(); else target.click();
});
