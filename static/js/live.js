/* Pitstop's pages, live. htmx does everything a person clicks; this follows the socket and says how old what one sees is.
   Without it every page can still be read and every form sent. One idea a file, in live/. */
import { rememberTexts } from "./live/announce.js";
import { showBanner } from "./live/banner.js";
import { listenToClicks } from "./live/clicks.js";
import { listenToEscape } from "./live/confirm.js";
import { setServerClock, tick, writeTimes } from "./live/clock.js";
import { age, judge, onChange } from "./live/freshness.js";
import { listenToLocks, lockActions } from "./live/locks.js";
import { closeMenuBehindFocus } from "./live/menu.js";
import { connect, listenToSocket } from "./live/socket.js";
import { fetchUntilAnswered, guardMorphs } from "./live/swap.js";
import { dressTab } from "./live/tab.js";
import { showTrust } from "./live/trust.js";

const main = document.getElementById("main");

function everySecond() {
  const state = judge();
  tick(state);
  showTrust(state, age());
  showBanner(state, age());
}

if (main) {
  setServerClock(main.dataset.now);
  guardMorphs();
  fetchUntilAnswered();
  onChange((state) => {
    document.documentElement.dataset.live = state;
    lockActions();
    dressTab();
  });
  writeTimes(document);
  rememberTexts();
  dressTab();
  listenToClicks(everySecond);
  listenToEscape();
  closeMenuBehindFocus();
  listenToLocks();
  listenToSocket(everySecond);
  connect();
  everySecond();
  setInterval(everySecond, 1000);
}
