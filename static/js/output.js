/* The page with a script's whole output: new lines as they are pushed, following them, searching in what is shown.
   Without this file the page can be read, searched (the form asks for a page) and downloaded. */
(() => {
  "use strict";

  const LINES_MAX = 5000;   // in one page that stays open; the first ones step back, a reload shows them again
  const AT_END_PX = 8;

  const box = () => document.getElementById("output-lines");
  const input = () => document.getElementById("find");
  const lines = () => [...(box()?.querySelectorAll(".ln") ?? [])];
  const place = (line) => Number(line.dataset.at);

  // ---- new lines ------------------------------------------------------------------------------------------------------

  let fetching = false;

  function take(from) {
    const shown = box();
    if (!shown || !("isEnd" in shown.dataset)) return;
    const last = () => shown.querySelector(".ln:last-of-type");
    let end = Number(shown.dataset.end);
    for (const node of [...from.children]) {
      if (node.classList.contains("gap")) {
        const next = node.nextElementSibling;
        if (next && place(next) > end) shown.append(node.cloneNode(true));
        continue;
      }
      const at = place(node);
      if (at >= end) shown.append(node.cloneNode(true));
      else {
        // The last line may have been torn in the middle.
        const old = last();
        if (old && place(old) === at && old.textContent !== node.textContent) old.replaceWith(node.cloneNode(true));
        else continue;
      }
      end = Number(node.dataset.end);
    }
    shown.dataset.end = String(end);
    for (const line of lines().slice(0, -LINES_MAX)) line.remove();
    if (following) toEnd();
    search(false);
  }

  // What is pushed is the end of the output: whatever lies before it and is not here is asked for once.
  async function fresh() {
    const pushed = document.getElementById("output-fresh"), shown = box();
    if (!pushed || !shown) return;
    const first = pushed.querySelector(".ln"), end = Number(shown.dataset.end);
    if (first && place(first) > end && !fetching && !pushed.querySelector(".gap:first-child")) {
      fetching = true;
      try {
        const answer = await fetch(`${shown.dataset.here}&after=${end}`, { headers: { "HX-Request": "true" } });
        if (answer.ok) {
          const missed = document.createElement("template");
          missed.innerHTML = await answer.text();
          take(missed.content);
        }
      } finally {
        fetching = false;
      }
    }
    take(pushed);
    if (!document.querySelector("#output-head [data-live]")) finish();
  }

  // ---- following ------------------------------------------------------------------------------------------------------

  let following = false;

  const isAtEnd = (shown) => shown.scrollHeight - shown.scrollTop - shown.clientHeight <= AT_END_PX;
  const toEnd = () => { const shown = box(); if (shown) shown.scrollTop = shown.scrollHeight; };

  function follow(on) {
    following = on;
    const button = document.getElementById("follow");
    if (button) button.setAttribute("aria-pressed", String(on));
    if (on) toEnd();
  }

  function finish() {
    const button = document.getElementById("follow");
    if (button) button.hidden = true;
    following = false;
  }

  // ---- searching in what is shown ---------------------------------------------------------------------------------------

  let hits = [], now = -1;

  // Folding may change how long a text is; then only the line can be marked, not the words in it.
  function search(isNew) {
    const words = input()?.value ?? "", count = document.getElementById("find-count");
    const wanted = words.toLowerCase(), was = now >= 0 ? hits[now] : null;
    hits = [];
    if (wanted) {
      for (const line of lines()) {
        const text = line.textContent.toLowerCase();
        for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) hits.push({ line, at });
      }
    }
    now = !hits.length ? -1 : isNew || !was ? nearest() : Math.max(0, hits.findIndex((hit) => hit.line === was.line && hit.at === was.at));
    if (count) {
      const some = count.dataset.some.replace("[n]", String(now + 1)).replace("[all]", String(hits.length));
      const says = !wanted ? "" : hits.length ? some : count.dataset.none;
      if (count.textContent !== says) count.textContent = says;
    }
    const steps = document.getElementById("find-steps");
    if (steps) steps.hidden = hits.length < 2;
    paint(wanted.length);
    if (isNew && now >= 0) reveal();
  }

  // The first match at or below what is looked at.
  function nearest() {
    const top = box().getBoundingClientRect().top;
    const found = hits.findIndex((hit) => hit.line.getBoundingClientRect().top >= top);
    return found < 0 ? 0 : found;
  }

  function range(hit, length) {
    const words = new Range();
    const walker = document.createTreeWalker(hit.line, NodeFilter.SHOW_TEXT);
    let before = 0, begun = false;
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
      const end = before + text.length;
      if (!begun && hit.at < end) { words.setStart(text, hit.at - before); begun = true; }
      if (begun && hit.at + length <= end) { words.setEnd(text, hit.at + length - before); return words; }
      before = end;
    }
    return null;
  }

  function paint(length) {
    for (const line of box()?.querySelectorAll(".ln[data-found]") ?? []) line.removeAttribute("data-found");
    if (!CSS.highlights) return;
    const all = hits.map((hit) => range(hit, length));
    CSS.highlights.set("found", new Highlight(...all.filter((one, place_) => one && place_ !== now)));
    CSS.highlights.set("found-now", new Highlight(...(all[now] ? [all[now]] : [])));
  }

  function reveal() {
    follow(false);
    hits[now].line.dataset.found = "";
    hits[now].line.scrollIntoView({ block: "center" });
  }

  function step(by) {
    if (!hits.length) return;
    now = (now + by + hits.length) % hits.length;
    search(false);
    reveal();
  }

  // ---- listening --------------------------------------------------------------------------------------------------------

  function begin() {
    const shown = box(), all = document.getElementById("find-all"), button = document.getElementById("follow");
    if (!shown) return;
    // Where everything that is kept stands here, asking the server would find the same.
    if (all && "all" in shown.dataset) all.hidden = true;
    const led = document.getElementById("hit");
    if (button) button.hidden = false;
    follow(Boolean(button) && !led && !location.hash);
    if (led) led.scrollIntoView({ block: "center" });
    else if (!location.hash) toEnd();
    if (input()?.value) search(false);
    shown.addEventListener("scroll", () => {
      if (button && !button.hidden && following !== isAtEnd(shown)) follow(isAtEnd(shown));
    });
  }

  document.body.addEventListener("pitstop:output-fresh", fresh);
  document.addEventListener("input", (event) => { if (event.target === input()) search(true); });
  document.addEventListener("click", (event) => {
    const id = event.target.closest?.("button")?.id;
    if (id === "find-next") step(1);
    else if (id === "find-previous") step(-1);
    else if (id === "follow") follow(!following);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== input() || event.key !== "Enter") return;
    // Enter goes from match to match; only where nothing is shown that matches, and more is kept, the form is sent.
    if (hits.length || "all" in (box()?.dataset ?? {})) {
      event.preventDefault();
      step(event.shiftKey ? -1 : 1);
    }
  });
  begin();
})();
