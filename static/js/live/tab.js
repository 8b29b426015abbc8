/* The tab tells the state too: its title and its icon. */
import { isLocked } from "./freshness.js";
import { say } from "./words.js";

const PRODUCT = " · Pitstop";
let named = document.querySelector("title").dataset.own;  // where nothing in the page says it better

const own = () => document.querySelector("#main [data-title]")?.dataset.title ?? named;

/** “! 2 need you – Pitstop · Hosts” while something needs a person, else the page's own title. */
export function dressTab() {
  const needs = document.getElementById("nav-needs")?.dataset.needs ?? "";
  const before = isLocked() ? say("title_dead") : needs;
  const title = own().endsWith(PRODUCT) && before ? own().slice(0, -PRODUCT.length) : own();
  const whole = !before ? title : title === "Pitstop" ? before : `${before} · ${title}`;
  if (document.title !== whole) document.title = whole;
  const icon = document.getElementById("favicon");
  const wanted = isLocked() ? "unknown" : needs ? "paused" : document.querySelector("#main [data-icon]")?.dataset.icon;
  const href = icon?.dataset[wanted] ?? icon?.dataset.plain;
  if (href && icon.getAttribute("href") !== href) icon.href = href;
}

/** Another page was put in this one's place: its title is in the answer. */
export function renameTab(answer) {
  const found = /<title data-own="([^"]*)"/.exec(answer);
  if (found) named = new DOMParser().parseFromString(found[1], "text/html").documentElement.textContent;
}
