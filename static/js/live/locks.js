/* What an action would do is only known while the page is live: until then it waits, and says so. */
import { isLocked } from "./freshness.js";
import { say } from "./words.js";

const changesSomething = (button) => (button.formMethod || button.form?.method) === "post";

const buttons = () => [...document.querySelectorAll('#main button[type="submit"], #main button:not([type]), #main input[type="submit"]')].filter(changesSomething);
const links = () => document.querySelectorAll('#main a.btn[data-kind="primary"], #main a.btn[data-act]');

/** Every action of the page follows whether it is live. */
export function lockActions() {
  const locked = isLocked();
  for (const button of buttons()) {
    if (locked && !button.disabled) {
      button.disabled = true;
      button.dataset.notLive = say("locked");
    } else if (!locked && "notLive" in button.dataset) {
      button.disabled = false;
      delete button.dataset.notLive;
    }
  }
  for (const link of links()) {
    if (locked) {
      link.dataset.notLive = say("locked");
      link.setAttribute("aria-disabled", "true");
    } else if ("notLive" in link.dataset) {
      delete link.dataset.notLive;
      link.removeAttribute("aria-disabled");
    }
  }
}

export function listenToLocks() {
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("a[data-not-live]")) event.preventDefault();
  }, true);
  // A form can also be sent by pressing Enter in one of its fields.
  document.addEventListener("submit", (event) => {
    if (isLocked() && event.target.closest("#main") && event.target.getAttribute("method")?.toLowerCase() === "post") {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);
}
