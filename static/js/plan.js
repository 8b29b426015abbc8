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

  const isWaiting = () => needed > shown;

  function changed(event) {
    asked += 1;
    if (!("quiet" in event.target.dataset)) needed = asked;
    byId("plan-wait").textContent = "";
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
      if (isOurs(event)) event.detail.xhr.planAsked = asked;
    });
    document.body.addEventListener("htmx:beforeSwap", (event) => {
      const of = event.detail.xhr.planAsked;
      if (of === undefined) return;
      // Another change was made since: its own answer is on its way, and this one would undo it on the page.
      if (of !== asked) event.detail.shouldSwap = false;
      else {
        shown = of;
        runsThen = runsNow();
      }
      focused = document.activeElement?.id ?? "";
    });
    document.body.addEventListener("htmx:afterSettle", () => {
      showZone();
      if (document.activeElement !== document.body || !focused) return;
      const same = byId(focused);
      (same && !same.disabled ? same : byId("plan-title"))?.focus({ preventScroll: true });
      focused = "";
    });
    // No answer: the page still shows the plan before the change, and Start must not start that one.
    for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
      document.body.addEventListener(name, (event) => {
        if (isOurs(event)) byId("plan-wait").textContent = form().dataset.failed;
      });
    }
  }

  // ---- buttons ----------------------------------------------------------------------------------------------------------

  function pressed(event) {
    const button = event.submitter;
    if (event.target !== form()) return;
    if (button?.id === "start-press") {
      if (!isWaiting()) return;
      event.preventDefault();
      event.stopPropagation();
      byId("plan-wait").textContent = form().dataset.wait;
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

  // The count of runs beside the navigation is pushed to every page. When it changes, the plan may no longer hold; it is
  // not asked for again by itself: what a person is reading stays until that person says so.
  let runsThen = "";
  const runsNow = () => byId("nav-runs")?.textContent ?? "";

  function listenToRuns() {
    runsThen = runsNow();
    document.body.addEventListener("pitstop:nav-runs", () => {
      if (runsNow() === runsThen) return;
      runsThen = runsNow();
      if (form()?.elements.plan_hash) byId("plan-wait").textContent = form().dataset.news;
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
      changed(event);
    }, true);
    form().addEventListener("submit", pressed);
    document.addEventListener("keydown", keyPressed);
    listenToAnswers();
    listenToDrags();
    listenToRuns();
    showZone();
  }
})();
