/* The page that starts a run: every change asks for the plan once, the newest answer wins, focus and typed text stay.
   Without this file each button loads the page again and does the same. */
(() => {
  "use strict";

  const form = () => document.getElementById("start");
  const byId = (id) => document.getElementById(id);

  // ---- which change the page shows ------------------------------------------------------------------------------------

  let asked = 0;       // changes so far
  let needed = 0;      // the newest change that the plan depends on
  let shown = 0;       // the newest change whose answer is on the page
  let focused = "";    // what had the focus before the answer came

  let words = "";      // what a press on Start is told that came before the plan of the last change

  const isWaiting = () => needed > shown;
  const tell = (text) => { byId("plan-wait").textContent = text; };

  function changed(event, how = "chosen") {
    asked += 1;
    if (!("quiet" in event.target.dataset)) needed = asked;
    wasTyped = how === "typed";
    byItself = false;
    words = "";
    tell("");
  }

  // While a line is typed its plan is asked for, not only when it is left: a press on Start leaves it, and would come
  // before the plan. Leaving it then is no other change.
  const TYPED_MS = 400;
  const isLine = (field) => field.matches("input.form-control");
  const planned = new WeakMap();  // what each line held when its plan was asked for
  let wasTyped = false, typedAt = -Infinity, typing = 0;

  function typed(event) {
    if (!isLine(event.target)) return;
    typedAt = performance.now();
    if ("quiet" in event.target.dataset) return;
    changed(event, "typed");
    planned.delete(event.target);
    clearTimeout(typing);
    typing = setTimeout(() => {
      showZone();
      planned.set(event.target, event.target.value);
      htmx.trigger(byId("planner"), "typed");
    }, TYPED_MS);
  }

  function left(event) {
    const { target } = event;
    if (isLine(target) && planned.get(target) === target.value) {
      event.stopPropagation();
      return;
    }
    clearTimeout(typing);
    changed(event, isLine(target) ? "typed" : "chosen");
    if (isLine(target)) planned.set(target, target.value);
  }

  // A change that no field of the page says: it is sent along once, and lost from the form with the answer.
  function ask(name, value) {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    byId("asked-now").append(field);
    form().dispatchEvent(new Event("change", { bubbles: true }));
  }

  const isOurs = (event) => event.detail.elt?.id === "planner";

  function listenToAnswers() {
    document.body.addEventListener("htmx:beforeRequest", (event) => {
      if (!isOurs(event)) return;
      Object.assign(event.detail.xhr, { planAsked: asked, planByItself: byItself });
      byItself = false;
    });
    document.body.addEventListener("htmx:beforeSwap", (event) => {
      const of = event.detail.xhr.planAsked;
      if (of === undefined) return;
      // Another change was made since: its own answer is on its way, and this one would undo it on the page.
      if (of !== asked) event.detail.shouldSwap = false;
      else {
        shown = of;
        runsThen = runsNow();
        if (event.detail.xhr.planByItself) cameByItself(event.detail);
        madeAt = performance.now();
      }
      focused = document.activeElement?.id ?? "";
    });
    document.body.addEventListener("htmx:afterSettle", () => {
      showZone();
      if (words) tell(words);
      if (document.activeElement !== document.body || !focused) return;
      const same = byId(focused);
      (same && !same.disabled ? same : byId("plan-title"))?.focus({ preventScroll: true });
      focused = "";
    });
    // No answer: the page still shows the plan before the change, and Start must not start that one.
    for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
      document.body.addEventListener(name, (event) => {
        if (isOurs(event)) tell(form().dataset.failed);
      });
    }
  }

  // ---- buttons ----------------------------------------------------------------------------------------------------------

  function pressed(event) {
    const button = event.submitter;
    if (event.target !== form()) return;
    if (button?.id === "start-press") {
      const isNews = performance.now() - newsAt < NEWS_MS;
      if (!isWaiting() && !isNews) return;
      event.preventDefault();
      event.stopPropagation();
      if (isWaiting()) words = form().dataset[wasTyped ? "lookTyped" : "lookChosen"];
      tell(isWaiting() ? form().dataset.wait : words);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (button?.getAttribute("aria-disabled") === "true") tellEdge(button);
    else if (button?.name === "move") move(button.value);
    else ask(button?.name || "again", button?.value || "1");
  }

  // It moves no further that way. Said anew at every press.
  function tellEdge(button) {
    const name = button.closest("tr")?.querySelector("th .host, .group-name")?.textContent.trim();
    const words = form().dataset[/^(cluster-)?down:/.test(button.value) ? "last" : "first"];
    byId("plan-said").textContent = "";
    setTimeout(() => { byId("plan-said").textContent = words.replace("%(name)s", name); }, 100);
  }

  // The row moves at once; the answer brings its figures.
  function move(value) {
    const [way, key, other] = value.split(":");
    const row = byId(`plan-${key}`);
    if (row) {
      const rows = [...row.parentElement.querySelectorAll("tr[data-host]")];
      const at = rows.indexOf(row);
      const held = document.activeElement;
      if (way === "up" && at > 0) rows[at - 1].before(row);
      if (way === "down" && at < rows.length - 1) rows[at + 1].after(row);
      if (way === "top" && at > 0) rows[0].before(row);
      if (way === "before") byId(`plan-${other}`)?.before(row);
      if (way === "after") byId(`plan-${other}`)?.after(row);
      if (row.contains(held)) held.focus({ preventScroll: true });
    }
    ask("move", value);
  }

  // Arrows on a row's buttons move the row too, Home brings it to the top.
  const KEYS = { ArrowUp: "up", ArrowDown: "down", Home: "top" };

  function keyPressed(event) {
    const row = event.target.closest?.(".order .moves") && event.target.closest("tr[data-host]");
    const way = KEYS[event.key];
    if (!row || !way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const button = row.querySelector(`button[value^="${way}:"]`);
    // By its mark and by where it stands: after quick presses the answer, which marks the edges, is still on its way.
    const next = way === "down" ? row.nextElementSibling : row.previousElementSibling;
    if (button.getAttribute("aria-disabled") === "true" && !next?.matches("tr[data-host]")) tellEdge(button);
    else move(button.value);
  }

  // ---- drag -------------------------------------------------------------------------------------------------------------

  let dragged = null;

  function listenToDrags() {
    document.addEventListener("dragstart", (event) => {
      const row = event.target.closest?.(".grip")?.closest("tr[data-host]");
      if (!row) return;
      dragged = row;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", row.dataset.host);
      event.dataTransfer.setDragImage(row, 12, 12);
      row.classList.add("dragged");
    });
    document.addEventListener("dragover", (event) => {
      const over = place(event);
      clearMarks();
      if (!over) return;
      event.preventDefault();
      over.row.classList.add(over.isAfter ? "drop-after" : "drop-before");
    });
    document.addEventListener("drop", (event) => {
      const over = place(event);
      if (!over) return;
      event.preventDefault();
      move(`${over.isAfter ? "after" : "before"}:${dragged.dataset.host}:${over.row.dataset.host}`);
    });
    document.addEventListener("dragend", () => {
      clearMarks();
      dragged?.classList.remove("dragged");
      dragged = null;
    });
  }

  // Clusters stay together: a host is dropped among its own.
  function place(event) {
    const row = dragged && event.target.closest?.("tr[data-host]");
    if (!row || row === dragged || row.parentElement !== dragged.parentElement) return null;
    const box = row.getBoundingClientRect();
    return { row, isAfter: event.clientY > box.top + box.height / 2 };
  }

  const clearMarks = () => document.querySelectorAll(".drop-before, .drop-after").forEach((row) => row.classList.remove("drop-before", "drop-after"));

  // ---- what happened since the plan was made --------------------------------------------------------------------------

  // An old plan is made again by itself, as if a change had been made that changes nothing. The same plan with new figures
  // is put in its place in silence. Another plan is told with its differences, and a press on Start that comes before a
  // person can have seen them waits.
  const OLD_MS = 20000, PAUSE_MS = 3000, NEWS_MS = 1500, LOOK_MS = 1000;
  let madeAt = performance.now(), newsAt = -Infinity, byItself = false;

  const hashOf = (text) => /name="plan_hash" value="(\w*)"/.exec(text)?.[1];

  function watch() {
    const now = performance.now();
    const isFollowed = !document.hidden && document.documentElement.dataset.live === "live" && form()?.elements.plan_hash;
    const isBusy = isWaiting() || dragged || now - typedAt < PAUSE_MS || form()?.classList.contains("htmx-request");
    if (now - madeAt < OLD_MS || !isFollowed || isBusy) return;
    madeAt = now;  // also when there is no answer: then it is asked for again after as long
    byItself = true;
    htmx.trigger(byId("planner"), "old");
  }

  function cameByItself(answer) {
    const isSame = hashOf(answer.serverResponse) === form().elements.plan_hash?.value;
    if (!isSame) {
      newsAt = performance.now();
      words = form().dataset.look;
    } else if (byId("start-differences") || byId("start-refusal")) {
      answer.shouldSwap = false;  // what says why it was not started stays, until a person does something
    } else {
      words = "";
      const said = byId("plan-said").innerHTML;
      answer.serverResponse = answer.serverResponse.replace(/(id="plan-said">)[^<]*/, (_, start) => start + said);
    }
  }

  function listenToItself() {
    setInterval(watch, LOOK_MS);
    document.addEventListener("htmx:configRequest", (event) => {
      if (isOurs(event) && byItself) event.detail.parameters.by_itself = "1";
    });
    // Nobody has clicked: a plan that could not be made again by itself is no trouble of a click.
    for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
      document.addEventListener(name, (event) => {
        if (isOurs(event) && event.detail.xhr?.planByItself) event.stopPropagation();
      }, true);
    }
    document.addEventListener("htmx:beforeSend", (event) => {
      if (isOurs(event) && event.detail.xhr.planByItself) form().classList.remove("htmx-request");
    });
  }

  // The count of runs beside the navigation is pushed to every page. When it changes, the plan may no longer hold: that is
  // said at once, before the plan is made again.
  let runsThen = "";
  const runsNow = () => byId("nav-runs")?.textContent ?? "";

  function listenToRuns() {
    runsThen = runsNow();
    document.body.addEventListener("pitstop:nav-runs", () => {
      if (runsNow() === runsThen) return;
      runsThen = runsNow();
      if (form()?.elements.plan_hash) tell(form().dataset.news);
    });
  }

  // ---- the clock of "not before" ------------------------------------------------------------------------------------------

  function showZone() {
    const zone = byId("not_before-zone"), typed = byId("not_before");
    if (!zone || !typed) return;
    zone.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const at = typed.value ? new Date(typed.value) : new Date();
    typed.form.elements.minutes_east.value = String(-at.getTimezoneOffset());
  }

  if (form()) {
    document.documentElement.dataset.plan = "live";
    document.addEventListener("change", (event) => {
      if (!form()?.contains(event.target)) return;
      showZone();
      left(event);
    }, true);
    document.addEventListener("input", (event) => {
      if (form()?.contains(event.target)) typed(event);
    }, true);
    form().addEventListener("submit", pressed);
    document.addEventListener("keydown", keyPressed);
    listenToAnswers();
    listenToDrags();
    listenToRuns();
    listenToItself();
    showZone();
  }
})();
