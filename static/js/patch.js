/* The page that starts a live patch: the line "Not before" is on the reader's clock. Without this file it is UTC. */
(() => {
  "use strict";

  function showZone() {
    const typed = document.getElementById("not_before");
    if (!typed) return;
    const at = typed.value ? new Date(typed.value) : new Date();
    const east = -at.getTimezoneOffset();
    typed.form.elements.minutes_east.value = String(east);
    const minutes = String(Math.abs(east) % 60).padStart(2, "0");
    const offset = `UTC${east < 0 ? "−" : "+"}${Math.floor(Math.abs(east) / 60)}:${minutes}`;
    document.getElementById("not_before-zone").textContent = east ? offset : "UTC";
  }

  document.addEventListener("input", (event) => event.target.id === "not_before" && showZone());
  document.addEventListener("DOMContentLoaded", () => {
    showZone();
    document.body.addEventListener("htmx:afterSettle", showZone);
  });
})();
