/* Pitstop's pages, live: this owns the socket – sequence, heartbeat, staleness, resync – and hands what is pushed to idiomorph.
   htmx does everything a person clicks. Without this file every page can still be read and every form sent. */
(() => {
  "use strict";

  const LIVE_MAX_S = 6;    // older than three heartbeats: not live
  const OLD_MAX_S = 15;    // older than this: NOT LIVE
  const ENGINE_SILENT_S = 10;
  const RETRY_MIN_MS = 300, RETRY_MAX_MS = 10000;
  const LOG_IN = 4401, NOT_YOURS = 4403;

  const root = document.documentElement;
  const main = () => document.getElementById("main");
  const NBSP = "\u00a0";

  // ---- time: the server's clock, the reader's zone --------------------------------------------------------------------

  let clockOffsetMs = 0;
  const serverNow = () => Date.now() + clockOffsetMs;
  const hereAndNow = { hour12: false, hourCycle: "h23" };
  const clockFormat = new Intl.DateTimeFormat(undefined, { ...hereAndNow, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const minuteFormat = new Intl.DateTimeFormat(undefined, { ...hereAndNow, hour: "2-digit", minute: "2-digit" });
  const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
  const yearFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
  const wholeFormat = new Intl.DateTimeFormat("en-GB", { ...hereAndNow, dateStyle: "full", timeStyle: "long" });

  const two = (number) => String(number).padStart(2, "0");

  function duration(seconds) {
    const s = Math.max(0, Math.round(seconds));
    if (s < 60) return `${s}${NBSP}s`;
    const m = Math.floor(s / 60);
    if (m < 60) return `${m}${NBSP}m${NBSP}${two(s % 60)}${NBSP}s`;
    const h = Math.floor(m / 60);
    if (h < 24) return `${h}${NBSP}h${NBSP}${two(m % 60)}${NBSP}m`;
    return `${Math.floor(h / 24)}${NBSP}d${NBSP}${h % 24}${NBSP}h`;
  }

  const isToday = (date) => date.toDateString() === new Date(serverNow()).toDateString();
  const withDay = (date, text) => (isToday(date) ? text : `${dayFormat.format(date)}${NBSP}${text}`);
  const WRITERS = {
    clock: (date) => withDay(date, clockFormat.format(date)),
    minute: (date) => withDay(date, minuteFormat.format(date)),
    day: (date) => `${yearFormat.format(date)}, ${minuteFormat.format(date)}`,
    ago: (date) => `${duration((serverNow() - date) / 1000)} ago`,
    for: (date) => duration((serverNow() - date) / 1000),
  };

  function write(time) {
    const date = new Date(time.dateTime);
    const text = WRITERS[time.dataset.as]?.(date);
    if (text !== undefined && time.textContent !== text) time.textContent = text;
    const late = time.dataset.as === "for" && time.closest("[data-late]");
    if (late) late.classList.toggle("late", (serverNow() - date) / 1000 > Number(late.dataset.late));
  }

  function writeTimes(within) {
    for (const time of within.querySelectorAll("time[data-as]")) {
      write(time);
      if (!time.title) time.title = wholeFormat.format(new Date(time.dateTime));
    }
  }

  // What goes on is only counted while we know that it does.
  const tick = () => document.querySelectorAll(`time[data-as="ago"]${state === "old" || state === "dead" ? "" : ', time[data-as="for"]'}`).forEach(write);

  // ---- how old is what I see ----------------------------------------------------------------------------------------------

  const fresh = { at: performance.now(), date: Date.now(), age: 0 };
  let state = "opening";           // opening | live | old | dead
  let ended = "";                  // why there will be no socket any more

  function heardOf(age) {
    fresh.at = performance.now();
    fresh.date = Date.now();
    fresh.age = age;
  }

  // Two clocks, because one of them stands still while the machine sleeps.
  const age = () => fresh.age + Math.max(0, performance.now() - fresh.at, Date.now() - fresh.date) / 1000;

  const trust = (name) => document.querySelector(`[data-trust="${name}"]`);
  const say = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };

  function judge() {
    const seconds = age();
    const next = ended || seconds > OLD_MAX_S ? "dead" : seconds > LIVE_MAX_S ? "old" : hasHeard ? "live" : "opening";
    const since = clockFormat.format(new Date(Date.now() - seconds * 1000));
    const words = { opening: "Connecting", live: "Live", old: `${duration(seconds)} old`, dead: `NOT LIVE since ${since}` };
    const marks = { opening: "Waiting", live: "Done", old: "Paused", dead: "Failed" };
    const badge = document.querySelector("#trust .state");
    if (!badge) return;
    badge.dataset.state = marks[next];
    badge.toggleAttribute("data-live", next === "live");
    say(trust("word"), words[next]);
    say(trust("page"), `${duration(seconds)} old`);
    if (next !== state) {
      state = next;
      root.dataset.live = next;
      lockButtons();
    }
    banner(next, since);
  }

  function banner(now, since) {
    const box = document.getElementById("banner");
    if (!box) return;
    const text = ended || (now === "dead" ? `This page is NOT LIVE since ${since}. What it shows may have changed; its buttons wait. Connecting again…` : "");
    const shown = text || trouble;
    const line = box.querySelector("p");
    if (line.textContent !== shown) {
      line.textContent = shown;
      if (ended && shown) line.append(" ", Object.assign(document.createElement("a"), { href: location.href, textContent: "Open this page again" }));
    }
    box.toggleAttribute("data-shown", Boolean(shown));
  }

  // What a button would do is only known while the page is live.
  function lockButtons() {
    const locked = state === "old" || state === "dead";
    for (const button of document.querySelectorAll('main button[type="submit"]')) {
      if (locked && !button.disabled) {
        button.disabled = true;
        button.dataset.notLive = "";
      } else if (!locked && "notLive" in button.dataset) {
        button.disabled = false;
        delete button.dataset.notLive;
      }
    }
  }

  function showAges(beat) {
    for (const [id, seconds] of Object.entries(beat.clouds)) {
      const cell = document.querySelector(`[data-cloud="${CSS.escape(id)}"]`);
      if (!cell) continue;
      if (seconds === null) say(cell, "never read");
      else {
        let time = cell.querySelector("time");
        if (!time) {
          time = Object.assign(document.createElement("time"), { title: "" });
          time.dataset.as = "ago";
          cell.replaceChildren(time);
        }
        time.dateTime = new Date(serverNow() - seconds * 1000).toISOString();
        write(time);
      }
    }
    const silent = beat.engine === null || beat.engine > ENGINE_SILENT_S;
    const words = beat.engine === null ? "No engine runs: nothing moves." : `No engine answers for ${duration(beat.engine)}: nothing moves.`;
    say(trust("note"), silent ? words : caughtUp);
  }

  let caughtUp = "", trouble = "";

  function sayCaughtUp(changes) {
    if (!changes) return;
    caughtUp = `Caught up, ${changes} change${changes === 1 ? "" : "s"}.`;
    say(trust("note"), caughtUp);
    setTimeout(() => { caughtUp = ""; say(trust("note"), ""); }, 6000);
  }

  // ---- swapping ---------------------------------------------------------------------------------------------------------

  let pushing = false;
  const isTyped = (node) => node instanceof HTMLInputElement ? node.type !== "hidden" : node instanceof HTMLTextAreaElement || node instanceof HTMLSelectElement;

  function guardMorphs() {
    Object.assign(Idiomorph.defaults.callbacks, {
      // A push never changes what a person typed or ticked; an answer to a click never what is being typed just now.
      beforeNodeMorphed: (old) => !(isTyped(old) && (pushing || (old === document.activeElement && old.type !== "checkbox" && old.type !== "radio"))),
      // What a person has opened stays open.
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
    });
  }

  function apply(parts) {
    pushing = true;
    for (const [id, html] of Object.entries(parts)) {
      const element = document.getElementById(id);
      if (!element) continue;
      if (html === null) {
        element.remove();
        continue;
      }
      Idiomorph.morph(element, html, { morphStyle: "outerHTML" });
      const now = document.getElementById(id);
      if (now) {
        htmx.process(now);
        writeTimes(now.parentElement ?? now);
      }
    }
    pushing = false;
    dress();
    lockButtons();
    for (const id of Object.keys(parts)) htmx.trigger(document.body, `pitstop:${id}`);
  }

  // The tab tells the state too.
  function dress() {
    const named = main()?.querySelector("[data-title]");
    if (!named) return;
    if (document.title !== named.dataset.title) document.title = named.dataset.title;
    const icon = document.getElementById("favicon");
    const href = icon?.dataset[named.dataset.icon] ?? icon?.dataset.plain;
    if (href && icon.getAttribute("href") !== href) icon.href = href;
  }

  const fetchAgain = () => htmx.ajax("GET", location.href, { source: main(), target: "#main", select: "#main", swap: "morph:outerHTML" });

  // ---- the socket ---------------------------------------------------------------------------------------------------------

  let socket = null, hasHeard = false, last = 0, failures = 0, retry = 0;
  const pageSeq = () => Number(main()?.dataset.seq ?? 0);

  function connect() {
    clearTimeout(retry);
    if (ended || (socket && socket.readyState <= WebSocket.OPEN)) return;
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
    if (event.code === LOG_IN) ended = "You are logged out, or your rights have changed.";
    else if (event.code === NOT_YOURS) ended = "This page is not yours to follow.";
    else {
      failures += 1;
      // Full jitter: after a restart, pages do not all come back at once.
      const most = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** failures);
      retry = setTimeout(connect, RETRY_MIN_MS + Math.random() * (most - RETRY_MIN_MS));
    }
    judge();
  }

  function hear(frame) {
    switch (frame.type) {
      case "heartbeat":
        clockOffsetMs = Date.parse(frame.at) - Date.now();
        if (frame.seq !== last) ask();
        heardOf(frame.age);
        showAges(frame);
        break;
      case "current":
        last = frame.seq;
        heardOf(0);
        break;
      case "snapshot":
        last = frame.seq;
        heardOf(0);
        apply(frame.parts);
        // Rows of a filtered list are only whole when the page itself is fetched again.
        if (main().querySelector("[data-refetch]") && !frame.changes) setTimeout(fetchAgain, Math.random() * 1000);
        if (hasBeenLive) sayCaughtUp(frame.changes);
        break;
      case "delta":
        if (frame.prev !== last) return ask();
        last = frame.seq;
        heardOf(0);
        // The page may have been fetched after this was drawn: then it is newer.
        if (frame.drawn > pageSeq()) apply(frame.parts);
        break;
    }
    hasHeard = hasBeenLive = true;
    failures = 0;
    judge();
  }

  let hasBeenLive = false, askedAt = 0;

  function ask() {
    if (Date.now() - askedAt < 2000 || socket?.readyState !== WebSocket.OPEN) return;
    askedAt = Date.now();
    socket.send("snapshot");
  }

  // ---- clicks ---------------------------------------------------------------------------------------------------------------

  function listen() {
    document.body.addEventListener("htmx:afterSettle", (event) => {
      writeTimes(event.target.parentElement ?? document);
      dress();
      lockButtons();
      trouble = "";
      judge();
    });
    document.body.addEventListener("htmx:sendError", () => {
      trouble = "Pitstop did not answer. Whether your click arrived is not known: look at what the page shows before you click again.";
      judge();
    });
    document.body.addEventListener("htmx:responseError", (event) => {
      const id = event.detail.xhr.getResponseHeader("X-Request-ID");
      trouble = `That did not work (error ${event.detail.xhr.status}${id ? `, request ${id}` : ""}). Reload the page to see how things are.`;
      judge();
    });
    // A double click sends one form.
    document.addEventListener("submit", (event) => {
      const button = event.submitter;
      if (button && "once" in button.dataset) setTimeout(() => { button.disabled = true; }, 0);
    });
    window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    window.addEventListener("online", connect);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) { judge(); connect(); } });
    // Choosing many hosts in one list: shift chooses all between.
    let before = null;
    document.addEventListener("click", (event) => {
      const box = event.target;
      if (!(box instanceof HTMLInputElement) || box.name !== "hosts" || box.type !== "checkbox") return;
      const boxes = [...document.querySelectorAll('input[name="hosts"][type="checkbox"]')];
      if (event.shiftKey && before && boxes.includes(before)) {
        const [from, to] = [boxes.indexOf(before), boxes.indexOf(box)].sort((a, b) => a - b);
        boxes.slice(from, to + 1).forEach((one) => { one.checked = box.checked; });
      }
      before = box;
    });
  }

  if (main()) {
    clockOffsetMs = Date.parse(main().dataset.now) - Date.now();
    guardMorphs();
    writeTimes(document);
    dress();
    listen();
    connect();
    judge();
    setInterval(() => { tick(); judge(); }, 1000);
  }
})();
