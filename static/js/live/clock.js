/* Time: the server's clock, the reader's zone. */
import { say } from "./words.js";

const NBSP = "\u00a0";
let offsetMs = 0;

/** The server says that it is this time now. */
export function setServerClock(at) {
  offsetMs = Date.parse(at) - Date.now();
}

export const serverNow = () => Date.now() + offsetMs;

// The day before the month, also in English: the page says 21 Nov everywhere.
const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const hours = { hour12: false, hourCycle: "h23" };
const clockFormat = new Intl.DateTimeFormat(language, { ...hours, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minuteFormat = new Intl.DateTimeFormat(language, { ...hours, hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const yearFormat = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
const wholeFormat = new Intl.DateTimeFormat(language, { ...hours, dateStyle: "full", timeStyle: "long" });

const two = (number) => String(number).padStart(2, "0");

/** 42 s · 6 m 12 s · 1 h 05 m · 2 d 3 h, as words.py says it. */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  let said;
  if (s < 60) said = say("seconds", { s });
  else if (m < 60) said = say("minutes", { m, s: two(s % 60) });
  else if (h < 24) said = say("hours", { h, m: two(m % 60) });
  else said = say("days", { d, h: h % 24 });
  return said.replaceAll(" ", NBSP);
}

/** 42:18 · 1:02:18: what is left of a window, as the tag `left` writes it. */
function countdown(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${two(m)}:${two(s % 60)}`;
}

/** The moment so many seconds before now, on the reader's own clock. */
export const clockBefore = (seconds) => clockFormat.format(new Date(Date.now() - seconds * 1000));

const isToday = (date) => date.toDateString() === new Date(serverNow()).toDateString();
const withDay = (date, text) => (isToday(date) ? text : `${dayFormat.format(date)}${NBSP}${text}`);
const since = (date) => (serverNow() - date) / 1000;
const WRITERS = {
  clock: (date) => withDay(date, clockFormat.format(date)),
  minute: (date) => withDay(date, minuteFormat.format(date)),
  day: (date) => `${yearFormat.format(date)}, ${minuteFormat.format(date)}`,
  ago: (date) => say("ago", { duration: duration(since(date)) }),
  for: (date) => duration(since(date)),
  left: (date) => countdown(-since(date)),
};

/** One moment, as it is said now. */
export function writeTime(time) {
  const date = new Date(time.dateTime);
  const text = WRITERS[time.dataset.as]?.(date);
  if (text !== undefined && time.textContent !== text) time.textContent = text;
  const late = time.dataset.as === "for" && time.closest("[data-late]");
  if (late) late.classList.toggle("late", since(date) > Number(late.dataset.late));
}

/** Every moment within the element, in the reader's zone, with the whole date on hover. */
export function writeTimes(within) {
  for (const time of within.querySelectorAll("time[data-as]")) {
    writeTime(time);
    if (!time.title) time.title = wholeFormat.format(new Date(time.dateTime));
  }
}

/** A second has passed. What goes on is only counted while we know that it does. */
export function tick(state) {
  const counted = state === "opening" || state === "live" || state === "late";
  document.querySelectorAll(`time[data-as="ago"]${counted ? ', time[data-as="for"], time[data-as="left"]' : ""}`).forEach(writeTime);
}
