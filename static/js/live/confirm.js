/* What asks before it acts: it can be left with Escape, and it does not outlive what it asked about. */

function close(confirm) {
  const hadFocus = confirm.contains(document.activeElement);
  confirm.open = false;
  if (hadFocus) confirm.querySelector("summary").focus();
}

const openOnes = (within) => [...within.querySelectorAll("details.confirm[open]")];
const offered = (actions) => [...actions.querySelectorAll(".btn")].map((button) => button.textContent.trim()).join("\n");

/** Escape closes the question one is in, or else the last one on the page. */
export function listenToEscape() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector(":popover-open")) return;
    const confirm = document.activeElement?.closest("details.confirm[open]") ?? openOnes(document).at(-1);
    if (!confirm) return;
    close(confirm);
    confirm.querySelector("summary").focus();
  });
}

/** Other buttons are offered now: what was asked is no longer the question. */
export function closeOutdated(old, now) {
  if (old.matches?.(".actions, .btn-row") && now.querySelectorAll && offered(old) !== offered(now)) openOnes(old).forEach(close);
}
