/* What has the focus may be taken away by a push, or by the answer to its own press. The focus then goes to what is the same
   in the new part, else to the part's heading: never to the top of the page. */

let held = null;  // what had it, as far as it can be found again

const SAME = ["data-key", "name", "value", "formaction", "href"];

function describe(element) {
  return {
    element,
    id: element.id,
    tag: element.tagName,
    marks: marks(element),
    label: label(element),
    parts: ancestors(element).map((part) => part.id),
  };
}

const label = (element) => element.getAttribute("aria-label") ?? element.textContent.trim();

function ancestors(element) {
  const found = [];
  for (let at = element.parentElement; at && at.id !== "main"; at = at.parentElement) if (at.id) found.push(at);
  return found;
}

/** Before anything is changed, or disabled while it is asked for. */
export function holdFocus() {
  const element = document.activeElement;
  if (element && element !== document.body && element.closest("#main") && element.id !== "main") held = describe(element);
}

/** After the change. */
export function keepFocus() {
  if (!held) return;
  if (held.element.disabled && document.querySelector("#steer.htmx-request")) return;  // its answer is on the way
  const now = document.activeElement;
  if (now && now !== document.body && !now.disabled && !hasTurned(now)) {
    held = null;  // it is still there, or a person has put it elsewhere
    return;
  }
  const to = same() ?? heading();
  held = null;
  if (!to) return;
  if (!to.matches("a[href], button, input, select, textarea, summary, [tabindex]")) to.tabIndex = -1;
  to.focus({ preventScroll: true });
}

const marks = (element) => SAME.map((name) => element.getAttribute(name)).join("\n");

/** A Pause that has become a Resume under one's finger. */
const hasTurned = (now) => now === held.element && now.tagName === "BUTTON" && marks(now) !== held.marks;

const canHaveIt = (element) => element && !element.disabled && element.checkVisibility();

function same() {
  const byId = held.id && document.getElementById(held.id);
  if (canHaveIt(byId)) return byId;
  const within = part() ?? document.getElementById("main");
  return [...within.getElementsByTagName(held.tag)].find((one) =>
    canHaveIt(one) && label(one) === held.label && marks(one) === held.marks);
}

/** The nearest part around it that the page still shows. */
function part() {
  return held.parts.map((id) => document.getElementById(id)).find(canHaveIt);
}

function heading() {
  const found = [part(), document.getElementById("main")].filter(Boolean);
  for (const within of found) {
    const to = [...within.querySelectorAll("h1, h2, h3")].find(canHaveIt) ?? [...within.querySelectorAll("button")].find(canHaveIt);
    if (to) return to;
  }
  return null;
}
