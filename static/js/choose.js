/* Choosing many rows of a list: what is chosen stays chosen while the list is sorted, narrowed or paged through.
   Without this file the boxes of the rows that are shown still work. */
(() => {
  "use strict";

  const form = () => document.getElementById("pick");
  const boxes = () => [...document.querySelectorAll('.pick input[type="checkbox"][form="pick"]')];
  let kind = "";            // zones, pods, clusters or hosts: one list chooses one kind
  const chosen = new Set();
  let last = null;

  function restore() {
    const list = form();
    if (!list) return;
    if (list.dataset.pick !== kind) {
      kind = list.dataset.pick;
      chosen.clear();
      boxes().forEach((box) => box.checked && chosen.add(box.value));  // what the browser kept over a reload
    }
    for (const box of boxes()) box.checked = chosen.has(box.value);
    tell();
  }

  function tell() {
    const list = form();
    const line = list?.querySelector("[data-chosen]");
    if (!line) return;
    const shown = new Set(boxes().map((box) => box.value));
    const elsewhere = [...chosen].filter((value) => !shown.has(value));
    list.querySelectorAll('input[type="hidden"]').forEach((input) => input.remove());
    for (const value of elsewhere) list.append(Object.assign(document.createElement("input"), { type: "hidden", name: kind, value }));
    const words = elsewhere.length ? line.dataset.elsewhere : line.dataset.words;
    const text = chosen.size ? words.replace("%(n)s", chosen.size).replace("%(m)s", elsewhere.length) : "";
    if (line.textContent !== text) line.textContent = text;
    list.querySelector("[data-choose-none]").hidden = !chosen.size;
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-choose-none]")) {
      chosen.clear();
      restore();
    }
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !boxes().includes(box)) return;
    const all = boxes();
    const from = event.shiftKey ? all.findIndex((one) => one.value === last) : -1;
    const to = all.indexOf(box);
    const between = from < 0 ? [box] : all.slice(Math.min(from, to), Math.max(from, to) + 1);
    for (const one of between) {
      one.checked = box.checked;
      if (box.checked) chosen.add(one.value);
      else chosen.delete(one.value);
    }
    last = box.value;
    tell();
  });

  document.addEventListener("DOMContentLoaded", () => {
    restore();
    document.body.addEventListener("htmx:afterSettle", restore);
    // What was not asked stays out of the address, which is made to be passed on.
    document.body.addEventListener("htmx:configRequest", (event) => {
      if (!event.detail.elt.matches?.("form[data-list], form[data-list] *")) return;
      for (const [name, value] of [...event.detail.formData.entries()]) if (!value) event.detail.formData.delete(name);
    });
  });
})();
