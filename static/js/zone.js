/* Days are chosen in the reader's zone. A view that was opened with days keeps the zone it was made in. */
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";

function nameTheZone() {
  for (const name of document.querySelectorAll("[data-reader-zone]")) name.textContent = `${ZONE || "UTC"} (${offset()})`;
  for (const field of document.querySelectorAll("form input[type=hidden][name=zone]")) {
    if (field.value) continue;
    field.value = ZONE;
    for (const name of field.form.querySelectorAll("[data-zone-name]")) name.textContent = ZONE || "UTC";
  }
}

/** UTC+5:30 */
function offset() {
  const east = -new Date().getTimezoneOffset();
  const minutes = String(Math.abs(east) % 60).padStart(2, "0");
  return `UTC${east < 0 ? "−" : "+"}${Math.floor(Math.abs(east) / 60)}:${minutes}`;
}

nameTheZone();
document.body.addEventListener("htmx:afterSettle", nameTheZone);
