/* What every wall does by itself, for weeks: it follows the socket, says how old what it shows is, never calls old news
   the present, comes back after anything, and wears no picture into the screen. Nothing here grows with time. */

const LIVE_S = 5, STALE_S = 15, DEAD_S = 60;      // since the last heartbeat; > 15 s grey, > 60 s NOT LIVE
const RETRY_MIN_MS = 300, RETRY_MAX_MS = 10000, ASK_AGAIN_MS = 2000;
const RELOAD_MIN_S = 60, RELOAD_MAX_S = 600, BUILD_JITTER_S = 5, ANSWER_MS = 10000;
const SHIFT_EVERY_S = 60;
const RING = [[0, 0], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]];  // of half a unit each
const LOG_IN = 4401;
const TRIES = "pitstop-wall-reloads";

export const wall = document.getElementById("main");
const words = JSON.parse(document.getElementById("words").dataset.words);
export const say = (name, values = {}) => words[name].replace(/%\((\w+)\)s/g, (_, place) => values[place]);

const parts = new Map([...document.querySelectorAll("[data-trust]")].map((element) => [element.dataset.trust, element]));
const dead = document.querySelector(".w-dead");
const pulse = [...document.querySelectorAll(".w-pulse li")];
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const hours = { hour12: false, hourCycle: "h23", hour: "2-digit", minute: "2-digit" };
const clockFormat = new Intl.DateTimeFormat(language, { ...hours, second: "2-digit" });
const minuteFormat = new Intl.DateTimeFormat(language, hours);
const dayFormat = new Intl.DateTimeFormat(language, { weekday: "short" });

let apply = () => {}, everySecond = () => {}, settle = () => {};
let socket = null, last = Number(wall.dataset.seq), failures = 0, retry = 0, askedAt = 0;
let offsetMs = Date.parse(wall.dataset.now) - Date.now();
let state = "opening", ended = false, beats = 0, liveSince = 0, wantsReload = false, isAsking = false, nextReload = 0, shifts = 0, shiftedAt = 0;
const heard = { at: performance.now(), date: Date.now(), age: 0, once: false };
let beat = { clouds: {}, listings: {} };

const seconds = () => performance.now() / 1000;
const serverNow = () => Date.now() + offsetMs;
/** Two clocks, because one of them stands still while the machine sleeps. */
const since = () => Math.max(0, performance.now() - heard.at, Date.now() - heard.date) / 1000;
const age = () => heard.age + since();

/** Begins. `change(id, html)` puts one pushed part into the page, `whole()` follows the last one of a frame;
    `second(isLive)` is called every second. */
export function follow(change, second = () => {}, whole = () => {}) {
  apply = change;
  everySecond = second;
  settle = whole;
  nextReload = seconds() + backOff();
  writeTimes(document);
  connect();
  tick();
  setInterval(tick, 1000);
  window.addEventListener("online", connect);
}

// ---- the socket ----

function connect() {
  clearTimeout(retry);
  if (ended || (socket && socket.readyState <= WebSocket.OPEN)) return;
  const address = new URL("/ws/live/", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.searchParams.set("topic", wall.dataset.topic);
  address.searchParams.set("after", String(last));
  socket = new WebSocket(address);
  socket.onmessage = (message) => hear(JSON.parse(message.data));
  socket.onclose = closed;
}

function closed(event) {
  socket = null;
  if (event.code === LOG_IN && "screen" in wall.dataset) return location.reload();  // the link is over: that page says so
  if (event.code === LOG_IN) ended = true;
  else {
    failures += 1;
    // Full jitter: after a restart, walls do not all come back at once.
    const most = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(failures, 10));
    retry = setTimeout(connect, RETRY_MIN_MS + Math.random() * (most - RETRY_MIN_MS));
  }
  tick();
}

function hear(frame) {
  switch (frame.type) {
    case "heartbeat":
      offsetMs = Date.parse(frame.at) - Date.now();
      if (frame.seq !== last) ask();
      heardOf(frame.age);
      beat = frame;
      step();
      if (frame.build !== wall.dataset.build && !wantsReload) {
        wantsReload = true;
        nextReload = Math.max(seconds() + Math.random() * BUILD_JITTER_S, tries() ? nextReload : 0);
      }
      break;
    case "current":
      last = frame.seq;
      heardOf(0);
      break;
    case "snapshot":
      last = frame.seq;
      heardOf(0);
      change(frame.parts);
      break;
    case "delta":
      if (frame.prev !== last) return ask();
      last = frame.seq;
      heardOf(0);
      // The page may have been fetched after this was drawn: then it is newer.
      if (frame.drawn > Number(wall.dataset.seq)) change(frame.parts);
      break;
  }
  failures = 0;
  tick();
}

function change(changed) {
  for (const [id, html] of Object.entries(changed)) apply(id, html);
  settle();
}

function heardOf(old) {
  Object.assign(heard, { at: performance.now(), date: Date.now(), age: old, once: true });
}

/** Something is missing: everything is asked for, not more often than it can be answered. */
export { ask as askForAll };
function ask() {
  if (Date.now() - askedAt < ASK_AGAIN_MS || socket?.readyState !== WebSocket.OPEN) return;
  askedAt = Date.now();
  socket.send("snapshot");
}

/** One step for each heartbeat: a screen whose pulse stands still is frozen, whatever its clock says. */
function step() {
  pulse[beats % pulse.length].removeAttribute("data-on");
  beats += 1;
  pulse[beats % pulse.length].setAttribute("data-on", "");
}

// ---- how old everything is ----

function tick() {
  const old = age();
  state = ended || old > DEAD_S ? "dead" : old > STALE_S ? "stale" : !heard.once ? "opening" : old > LIVE_S ? "late" : "live";
  if (wall.dataset.live !== state) wall.dataset.live = state;
  const isLive = state === "live" || state === "late" || state === "opening";
  write("clock", clockFormat.format(serverNow()));
  showClouds();
  showTrust(old);
  if (isLive) document.querySelectorAll("time[data-as='for']").forEach(writeTime);
  everySecond(isLive);
  shift();
  watch(old);
}

function showTrust(old) {
  const isDead = state === "dead", values = { age: duration(old), clock: clockFormat.format(Date.now() - old * 1000) };
  const isOld = Boolean(wall.dataset.cloud) && state === "live";
  const mark = isOld ? "Paused" : { live: "Done", late: "Waiting", opening: "Waiting", stale: "Paused", dead: "Unknown" }[state];
  const glyph = { Done: "done", Waiting: "waiting", Paused: "paused", Unknown: "unknown" }[mark];
  const badge = parts.get("mark");
  if (badge.dataset.state !== mark) {
    badge.dataset.state = mark;
    badge.querySelector("use").setAttribute("href", `#g-${glyph}`);
  }
  write("word", isDead ? say(ended ? "logged_out" : "not_live_short") : state === "stale" ? say("as_of", values) : state === "opening" ? say("opening") : say("live"));
  write("screen", state === "live" || state === "opening" ? say("screen", values) : say("screen_old", values));
  dead.hidden = !isDead;
  if (isDead) write("dead", say("not_live", { clock: minuteFormat.format(Date.now() - old * 1000) }));
  parts.get("asof").hidden = !isDead && state !== "stale";
  write("asof", isDead ? say("last_known") : state === "stale" ? say("as_of", values) : "");
  write("note", isDead && failures ? say("again", { n: failures }) : note);
}

/** Us and the clouds: of several the oldest is told. All of them old: what is shown of them steps back. */
function showClouds() {
  const now = since(), ids = wall.dataset.clouds.split(" ").filter((id) => id in beat.clouds);
  const isOld = state === "dead" || state === "stale";  // then nobody tells us what has been read since
  const read = ids.map((id) => beat.clouds[id] ?? Infinity).map((one) => one + now);
  const lists = ids.map((id) => beat.listings[id]).filter((one) => typeof one === "number").map((one) => one + now);
  const oldest = Math.max(...read), youngest = Math.min(...read);
  const cloud = isOld || !ids.length || youngest <= STALE_S ? "" : youngest <= DEAD_S ? "stale" : "dead";
  if ((wall.dataset.cloud ?? "") !== cloud) wall.dataset.cloud = cloud;
  const asOf = cloud && youngest < Infinity ? say("as_of", { clock: clockFormat.format(Date.now() - youngest * 1000) }) : "";
  write("read", isOld || !ids.length ? "" : oldest === Infinity ? say("never_read") : asOf || say("read", { age: duration(oldest) }));
  write("listing", isOld || !lists.length ? "" : say("listing", { age: duration(Math.max(...lists)) }));
}

let note = "";
/** Something that the last line shall say until it is taken back with an empty text. */
export function setNote(text) {
  note = text;
}

function write(name, text) {
  const element = parts.get(name);
  if (element && element.textContent !== text) element.textContent = text;
}

// ---- moments ----

/** 42 s · 12 min · 3 h · 2 d: as much as can be read across a room. */
function duration(s) {
  const n = Math.max(0, Math.round(s));
  if (n < 60) return say("seconds", { n });
  if (n < 7200) return say("minutes", { n: Math.floor(n / 60) });
  if (n < 172800) return say("hours", { n: Math.floor(n / 3600) });
  return say("days", { n: Math.floor(n / 86400) });
}

function minute(date) {
  const isToday = date.toDateString() === new Date(serverNow()).toDateString();
  return isToday ? minuteFormat.format(date) : `${dayFormat.format(date)} ${minuteFormat.format(date)}`;
}

const WRITERS = {
  clock: (date) => clockFormat.format(date),
  minute,
  for: (date) => duration((serverNow() - date) / 1000),
};

function writeTime(time) {
  const text = WRITERS[time.dataset.as]?.(new Date(time.dateTime));
  if (text !== undefined && time.textContent !== text) time.textContent = text;
}

/** Every moment within the element, in the zone of the screen. */
export function writeTimes(within) {
  within.querySelectorAll("time[data-as]").forEach(writeTime);
}

// ---- coming back ----

const tries = () => Number(sessionStorage.getItem(TRIES) ?? 0);
const backOff = () => Math.min(RELOAD_MAX_S, RELOAD_MIN_S * 2 ** Math.min(tries(), 10));

/** Without a heartbeat for a minute, or of another build: the page is opened anew. A minute of life forgets the tries. */
function watch(old) {
  const now = seconds();
  if (state !== "live") liveSince = now;
  else if (tries() && now - liveSince > DEAD_S && !wantsReload) sessionStorage.removeItem(TRIES);
  if ((old > DEAD_S || wantsReload) && now >= nextReload && !isAsking) reloadIfAnswered();
}

/** Only when there is a page to come to: a wall must never end on the browser's own error page. */
async function reloadIfAnswered() {
  isAsking = true;
  sessionStorage.setItem(TRIES, String(tries() + 1));
  nextReload = seconds() + backOff();
  try {
    const answer = await fetch(location.href, { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) });
    await answer.body?.cancel();
    if (answer.ok || answer.status === 403) location.reload();
  } catch {
    failures += 1;  // told in the last line; the next try is later
  } finally {
    isAsking = false;
  }
}

/** A few pixels a minute, so that no line burns in. Not for whoever wants no motion. */
function shift() {
  if (stillness.matches || seconds() - shiftedAt < SHIFT_EVERY_S) return;
  shiftedAt = seconds();
  const [x, y] = RING[shifts % RING.length];
  shifts += 1;
  wall.style.setProperty("--shift-x", String(x));
  wall.style.setProperty("--shift-y", String(y));
}
