/* The socket: sequence, heartbeat, resync, and coming back without a stampede. */
import { showEngine } from "./banner.js";
import { setServerClock } from "./clock.js";
import { end, heardOf, isLocked, whyEnded } from "./freshness.js";
import { apply, fetchAgain } from "./swap.js";
import { hearOfClouds, showNote } from "./trust.js";
import { say } from "./words.js";

const ENGINE_SILENT_S = 10;
const RETRY_MIN_MS = 300, RETRY_MAX_MS = 10000, ASK_AGAIN_MS = 2000;
const LOG_IN = 4401, NOT_YOURS = 4403;
const REASONS = { "logged out": "logged_out", deactivated: "deactivated", "another role": "another_role", "another password": "another_password" };

let socket = null, last = 0, failures = 0, retry = 0, askedAt = 0;
let hasBeenLive = false;
let changed = () => {};

const main = () => document.getElementById("main");
const pageSeq = () => Number(main()?.dataset.seq ?? 0);

export function listenToSocket(whenChanged) {
  changed = whenChanged;
  window.addEventListener("online", connect);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { changed(); connect(); } });
}

export function connect() {
  clearTimeout(retry);
  if (whyEnded() || (socket && socket.readyState <= WebSocket.OPEN)) return;
  const address = new URL("/ws/live/", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.searchParams.set("topic", main().dataset.topic);
  address.searchParams.set("after", String(Math.max(last, pageSeq())));
  socket = new WebSocket(address);
  socket.onmessage = (message) => hear(JSON.parse(message.data));
  socket.onclose = closed;
}

function closed(event) {
  socket = null;
  if (event.code === LOG_IN) end(say(REASONS[event.reason] ?? "logged_out"));
  else if (event.code === NOT_YOURS) end(say("not_followed"));
  else {
    failures += 1;
    // Full jitter: after a restart, pages do not all come back at once.
    const most = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** failures);
    retry = setTimeout(connect, RETRY_MIN_MS + Math.random() * (most - RETRY_MIN_MS));
  }
  changed();
}

function hear(frame) {
  const wasAway = hasBeenLive && isLocked();
  switch (frame.type) {
    case "heartbeat":
      setServerClock(frame.at);
      if (frame.seq !== last) ask();
      else if (wasAway) showNote(say("nothing_changed"));
      heardOf(frame.age);
      hearOfClouds(frame);
      showEngine(frame.engine, ENGINE_SILENT_S);
      break;
    case "current":
      last = frame.seq;
      heardOf(0);
      if (wasAway) showNote(say("nothing_changed"));
      break;
    case "snapshot":
      last = frame.seq;
      heardOf(0);
      apply(frame.parts);
      // Rows of a filtered list are only whole when the page itself is fetched again.
      if (main().querySelector("[data-refetch]") && (!frame.changes || wasAway)) setTimeout(fetchAgain, Math.random() * 1000);
      if (hasBeenLive && frame.said) showNote(frame.said);
      break;
    case "delta":
      if (frame.prev !== last) return ask();
      last = frame.seq;
      heardOf(0);
      // The page may have been fetched after this was drawn: then it is newer.
      if (frame.drawn > pageSeq()) apply(frame.parts);
      break;
  }
  hasBeenLive = true;
  failures = 0;
  changed();
}

/** Something is missing: everything is asked for, not more often than it can be answered. */
function ask() {
  if (Date.now() - askedAt < ASK_AGAIN_MS || socket?.readyState !== WebSocket.OPEN) return;
  askedAt = Date.now();
  socket.send("snapshot");
}
