/* The corner that says how old what one sees is: browser ← us ← each cloud, and the cloud's own word for its list. */
import { clockBefore, duration, serverNow, writeTime } from "./clock.js";
import { say } from "./words.js";

const MARKS = { opening: "Waiting", live: "Done", late: "Paused", stale: "Paused", dead: "Failed" };
const NOTE_MS = 8000;

const part = (name) => document.querySelector(`[data-trust="${name}"]`);
const write = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };

let clouds = { clouds: {}, listings: {} }, heardAt = performance.now();
let oldClouds = [];  // names and ages of those whose hosts are shown as unknown
let note = "", noteTimer = 0, told = "";

/** The badge and this page's own age. */
export function showTrust(state, seconds) {
  const badge = document.querySelector("#trust .state");
  if (!badge) return;
  showClouds();
  const old = state === "live" && oldClouds[0];
  badge.dataset.state = old ? "Paused" : MARKS[state];
  badge.toggleAttribute("data-live", state === "live" && !old);
  const values = { age: duration(seconds), clock: clockBefore(seconds) };
  write(part("word"), old ? say(old.age ? "live_old_cloud" : "live_unread_cloud", old) : say(state, values));
  write(part("page"), say("old", values));
  write(part("note"), note);
  // Told to readers of the screen when it changes, not every second, and not that all is well at the start.
  const now = `${state} ${old?.cloud ?? ""}`;
  if (now !== told && told && !told.startsWith("opening")) write(part("told"), old ? say("told_old_cloud", old) : say(`told_${state}`, values));
  told = now;
}

/** What a heartbeat said of the clouds; it ages with the page. */
export function hearOfClouds(beat) {
  clouds = beat;
  heardAt = performance.now();
  renew("reading", beat.clouds);
  renew("listing", beat.listings);
}

/** What has not changed is as the newest reading has it: parts that nothing has touched tell that one's age. */
function renew(what, ages) {
  for (const [id, seconds] of Object.entries(ages)) {
    if (seconds === null) continue;
    const at = serverNow() - seconds * 1000;
    for (const time of document.querySelectorAll(`time[data-${what}="${CSS.escape(id)}"]`)) {
      if (Date.parse(time.dateTime) >= at) continue;
      time.dateTime = new Date(at).toISOString();
      time.removeAttribute("title");
      writeTime(time);
    }
  }
}

function showClouds() {
  oldClouds = [];
  const since = (performance.now() - heardAt) / 1000;
  for (const [id, seconds] of Object.entries(clouds.clouds)) {
    const cell = document.querySelector(`[data-cloud="${CSS.escape(id)}"]`);
    if (!cell) continue;
    const isOld = seconds === null || seconds > Number(cell.dataset.knownFor);
    if (isOld) oldClouds.push({ cloud: cell.dataset.name, age: seconds === null ? "" : duration(seconds) });
    cell.classList.toggle("late", isOld);
    write(cell.querySelector("[data-read]"), seconds === null ? say("never_read") : say("read", { age: duration(seconds + since) }));
    const listing = clouds.listings[id] ?? null;
    write(cell.querySelector("[data-listing]"), listing === null ? "" : say("listing", { age: duration(listing + since) }));
  }
}

/** Something that is worth a moment: “Caught up, 14 changes.” */
export function showNote(text) {
  note = text;
  write(part("note"), text);
  write(part("told"), text);
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => { note = ""; write(part("note"), ""); }, NOTE_MS);
}
