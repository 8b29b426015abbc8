/* Days are chosen in the reader's zone. A view that was opened with days keeps the zone it was made in. */
function nameTheZone() {
  for (const field of document.querySelectorAll("form input[type=hidden][name=zone]")) {
    if (field.value) continue;
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
    for (const name of field.form.querySelectorAll("[data-zone-name]")) name.textContent = field.value || "UTC";
  }
}
nameTheZone();
document.body.addEventListener("htmx:afterSettle", nameTheZone);
