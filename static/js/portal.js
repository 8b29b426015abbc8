/* The line where a time is chosen is on the reader's own clock: which one that is, is said beside it and sent along.
   Without this the line is on UTC, and says so. */
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const two = (number) => String(number).padStart(2, "0");
  const onClock = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;

  function fill() {
    for (const line of document.querySelectorAll('.netcard input[type="datetime-local"]')) {
      const box = line.closest(".confirm-box");
      const name = box.querySelector("[data-zone]");
      if (name.textContent !== zone) name.textContent = zone;
      if (!line.value && line.dataset.at) line.value = onClock(new Date(line.dataset.at));
      const at = line.value ? new Date(line.value) : new Date();
      box.querySelector('input[type="hidden"]').value = String(-at.getTimezoneOffset());
    }
  }

  // Before whatever sends the form reads it: pushes put the empty line's clock back.
  document.addEventListener("click", (event) => { if (event.target.closest?.(".netcard")) fill(); }, true);
  document.addEventListener("submit", fill, true);
  // Enter in a line presses the line's own button.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches?.(".netcard .confirm-box input")) return;
    event.preventDefault();
    event.target.closest(".confirm-box").querySelector("button").click();
  });
  document.addEventListener("htmx:afterSettle", fill);
  document.addEventListener("DOMContentLoaded", () => { document.body.addEventListener("pitstop:portal-now", fill); fill(); });
})();
