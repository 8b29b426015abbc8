/* Putting what was pushed into the page, without taking anything from whoever is typing there. */
import { announce } from "./announce.js";
import { writeTimes } from "./clock.js";
import { closeOutdated } from "./confirm.js";
import { holdFocus, keepFocus } from "./focus.js";
import { lockActions } from "./locks.js";
import { dressTab } from "./tab.js";

const FETCH_AGAIN_MS = 2000;
let pushing = false;
const isTyped = (node) => node instanceof HTMLInputElement ? node.type !== "hidden" : node instanceof HTMLTextAreaElement || node instanceof HTMLSelectElement;

export function guardMorphs() {
  Object.assign(Idiomorph.defaults.callbacks, {
    // A push never changes what a person typed or ticked; an answer to a click never what is being typed just now.
    beforeNodeMorphed: (old, now) => {
      closeOutdated(old, now);
      return !(isTyped(old) && (pushing || (old === document.activeElement && old.type !== "checkbox" && old.type !== "radio")));
    },
    // What a person has opened stays open; a heading that has the focus keeps it.
    beforeAttributeUpdated: (name, node) => !((name === "open" && node.tagName === "DETAILS") || (name === "tabindex" && node === document.activeElement)),
  });
}

/** Each element by its id; null takes it away. Then `pitstop:ID` is told to whoever listens on the body. */
export function apply(parts) {
  pushing = true;
  holdFocus();
  try {
    for (const [id, html] of Object.entries(parts)) swap(document.getElementById(id), html);
  } finally {
    pushing = false;
  }
  dressTab();
  lockActions();
  keepFocus();
  announce();
  for (const id of Object.keys(parts)) htmx.trigger(document.body, `pitstop:${id}`);
}

function swap(element, html) {
  if (!element) return;
  if (html === null) {
    element.remove();
    return;
  }
  Idiomorph.morph(element, html, { morphStyle: "outerHTML" });
  const now = document.getElementById(element.id);
  if (now) {
    htmx.process(now);
    writeTimes(now.parentElement ?? now);
  }
}

/** The page itself, where its rows are only whole when it is fetched: filtered and sorted lists. Asked for while it is
    being fetched, it is fetched once more: what is on its way may be older. */
export const fetchAgain = () => htmx.trigger("#again", "pitstop:again");

export function fetchUntilAnswered() {
  document.body.addEventListener("htmx:sendError", (event) => {
    if (event.target.id === "again") setTimeout(fetchAgain, FETCH_AGAIN_MS);
  });
}
