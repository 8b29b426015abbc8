/* The timeline's newest rows, live: those that this page lacks and its filters want go on top; nothing is fetched. */
import { fetchAgain } from "./live/swap.js";

const SHOWN_MAX = 400;
const PUSHED_MAX = 20;

const rows = () => document.getElementById("timeline-rows");
const idsOf = (list, attribute) => (list.dataset[attribute] ?? "").split(",").filter(Boolean);

function isWanted(row, list) {
  const asked = list.dataset;
  if (asked.who && asked.who !== row.dataset.who) return false;
  if (asked.by && asked.by !== row.dataset.by) return false;
  if (asked.what ? asked.what !== row.dataset.what : row.dataset.what === "instances") return false;
  if (asked.search && !row.textContent.toLowerCase().includes(asked.search)) return false;
  const at = Date.parse(row.querySelector("time").dateTime);
  if ((asked.since && at < Date.parse(asked.since)) || (asked.until && at >= Date.parse(asked.until))) return false;
  return ["run", "host", "cluster"].every((key) => {
    const ids = idsOf(list, key);
    return !ids.length || ids.includes(row.dataset[key]);
  });
}

const heard = new Set();

function takeNewest(latest) {
  const list = rows();
  if (!list || !("live" in list.dataset)) return;
  const pushed = [...latest.children];
  const isKnown = (row) => heard.has(row.dataset.row) || list.querySelector(`[data-row="${row.dataset.row}"]`);
  // None of a full push is known: rows may lie between. Ask once for the page.
  if (heard.size && pushed.length >= PUSHED_MAX && !pushed.some(isKnown)) {
    pushed.forEach((row) => heard.add(row.dataset.row));
    fetchAgain();
    return;
  }
  for (const row of pushed.toReversed()) {
    if (isKnown(row)) continue;
    heard.add(row.dataset.row);
    if (!isWanted(row, list)) continue;
    const copy = row.cloneNode(true);
    copy.id = row.dataset.row;
    copy.dataset.new = "";
    insert(copy, list);
  }
  document.getElementById("timeline-empty")?.toggleAttribute("hidden", list.children.length > 0);
  while (list.children.length > SHOWN_MAX) list.lastElementChild.remove();
}

// Clocks of several machines differ by moments: a row may belong below the top. Older than the page's last: the next page.
function insert(row, list) {
  const at = (one) => one.querySelector("time").dateTime;
  const below = [...list.children].find((one) => at(one) <= at(row));
  if (below) below.before(row);
  else if (!list.children.length) list.append(row);
}

document.body.addEventListener("pitstop:timeline-latest", () => {
  const latest = document.getElementById("timeline-latest");
  if (latest) takeNewest(latest);
});
