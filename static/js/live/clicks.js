/* What a click came to, and clicking many things at once. */
import { announce } from "./announce.js";
import { setTrouble } from "./banner.js";
import { writeTimes } from "./clock.js";
import { holdFocus, keepFocus } from "./focus.js";
import { lockActions } from "./locks.js";
import { dressTab, renameTab } from "./tab.js";
import { say } from "./words.js";

export function listenToClicks(changed) {
  for (const name of ["htmx:beforeRequest", "htmx:beforeSwap"]) document.body.addEventListener(name, holdFocus);
  // A line that asks while it is typed does not ask again when it is left: the answer would undo what was clicked next.
  document.body.addEventListener("htmx:configRequest", (event) => {
    const cause = event.detail.triggeringEvent;
    if (cause?.type === "change" && cause.target.matches?.("[data-asks-as-typed]")) event.preventDefault();
  });
  document.body.addEventListener("htmx:afterSettle", (event) => {
    writeTimes(event.target.parentElement ?? document);
    renameTab(event.detail.xhr?.responseText ?? "");
    dressTab();
    lockActions();
    keepFocus();
    announce();
    setTrouble("");
    changed();
  });
  document.body.addEventListener("htmx:sendError", (event) => {
    if (event.target.id === "again") return;  // nobody clicked: the page fetches itself again until it is answered
    setTrouble(say("no_answer"));
    changed();
  });
  document.body.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    setTrouble(say("refused", { status: xhr.status, request: xhr.getResponseHeader("X-Request-ID") ?? "–" }));
    changed();
  });
  // Enter in a line would press the page's first button, whatever that one does. Without script the form's own first
  // button, which does nothing, is in its way.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches?.("input[form='steer']")) event.preventDefault();
  });
  // A double click sends one form.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button && "once" in button.dataset) setTimeout(() => { button.disabled = true; }, 0);
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  chooseBetween();
}

/** Choosing many in one list: shift chooses all between. */
function chooseBetween() {
  let before = null;
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || box.type !== "checkbox" || !box.closest("table, .rows")) return;
    const boxes = [...document.querySelectorAll(`input[name="${CSS.escape(box.name)}"][type="checkbox"]`)];
    if (event.shiftKey && before && boxes.includes(before)) {
      const [from, to] = [boxes.indexOf(before), boxes.indexOf(box)].sort((a, b) => a - b);
      boxes.slice(from, to + 1).forEach((one) => { one.checked = box.checked; });
    }
    before = box;
  });
}
