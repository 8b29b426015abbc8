/* How old what one sees is, and what that makes of the page. */

const LATE_S = 6;    // three heartbeats: its actions wait
const STALE_S = 15;  // its figures are grey, as of then
const DEAD_S = 60;   // NOT LIVE

const heard = { at: performance.now(), date: Date.now(), age: 0, once: false };
let state = "opening";  // opening | live | late | stale | dead
let ended = "";         // why the page will never be live again
const listeners = [];

/** Called with the new state whenever it changes. */
export const onChange = (listener) => listeners.push(listener);

/** The server has said that we know what was so `seconds` ago. */
export function heardOf(seconds) {
  Object.assign(heard, { at: performance.now(), date: Date.now(), age: seconds, once: true });
}

/** No socket will tell this page anything again: the reason, for people. */
export function end(reason) {
  ended = reason;
}

export const whyEnded = () => ended;

/** Seconds since what is shown was so. Two clocks, because one of them stands still while the machine sleeps. */
export const age = () => heard.age + Math.max(0, performance.now() - heard.at, Date.now() - heard.date) / 1000;

export const isLocked = () => state !== "opening" && state !== "live";

/** The state now. */
export function judge() {
  const seconds = age();
  const next = ended || seconds > DEAD_S ? "dead" : seconds > STALE_S ? "stale" : seconds > LATE_S ? "late" : heard.once ? "live" : "opening";
  if (next !== state) {
    state = next;
    listeners.forEach((listener) => listener(next));
  }
  return state;
}
