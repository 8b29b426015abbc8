/* The lines above a page that must not be believed, or on which nothing moves. Nothing when all is well. */
import { clockBefore } from "./clock.js";
import { whyEnded } from "./freshness.js";
import { say } from "./words.js";

const NOT_LIVE = { late: "banner_late", stale: "banner_late", dead: "banner_dead" };

let trouble = "";  // what became of the last click

export function setTrouble(text) {
  trouble = text;
}

export function showBanner(state, seconds) {
  const box = document.getElementById("banner");
  if (!box) return;
  const notLive = NOT_LIVE[state] ? say(NOT_LIVE[state], { clock: clockBefore(seconds) }) : "";
  const line = box.querySelector("p");
  if (!show(box, whyEnded() || notLive || trouble)) return;
  if (whyEnded()) line.append(" ", Object.assign(document.createElement("a"), { href: location.href, textContent: say("open_again") }));
  const isBad = state === "dead";
  box.dataset.state = isBad ? "Failed" : "Paused";
  box.querySelector("use").setAttribute("href", isBad ? "#g-failed" : "#g-paused");
}

/** `seconds`: since an engine was last heard of; null when none runs. */
export function showEngine(seconds, silentAfter) {
  const box = document.getElementById("engine-silent");
  if (!box) return;
  if (seconds === null) show(box, say("no_engine"));
  else if (seconds <= silentAfter) show(box, "");
  else if (!box.dataset.said || box.dataset.said === say("no_engine")) show(box, say("engine_silent", { clock: clockBefore(seconds) }));
}

/** Whether the text is another than before. */
function show(box, text) {
  box.toggleAttribute("data-shown", Boolean(text));
  if (box.dataset.said === text) return false;
  box.dataset.said = text;
  box.querySelector("p").textContent = text;
  return true;
}
