/* Every host as a cell of one canvas, by cluster: a string of letters each. What is pushed of a cluster is its string;
   only the cells that differ are drawn anew. The table says the same in words, a page at a time. */
import { askForAll, follow } from "./wall/live.js";

const CELLS = "cells-", TABLE_AFTER_MS = 5000;
const HOLLOW = new Set(["o", "t", "q"]);   // told by shape, too, not by colour alone
const CROSSED = new Set(["f", "x"]);
const BACKGROUND = "#0b0f14", GAP = 0.16, BETWEEN = 1, LINE = 1.3;  // in cells: between cells, between clusters, a line's height

const map = () => document.getElementById("wall-map");
const canvas = document.getElementById("cells");
const pen = canvas.getContext("2d", { alpha: false });
const template = document.createElement("template");
const legend = [...document.querySelectorAll("[data-letter]")];
const letters = legend.map((one) => one.dataset.letter);
const colours = Object.fromEntries(legend.map((one) => [one.dataset.letter, getComputedStyle(one.querySelector(".glyph")).color]));
const figures = new Intl.NumberFormat(document.documentElement.lang);

let clusters = new Map();  // key → {letters, at}
let totals = new Map();    // letter → hosts
let cell = 0, columns = 0, isMisplaced = false, isCounted = false, isLacking = false, table = 0;

// ---- what is pushed ----

function change(id, text) {
  if (id === "wall-map") return changeAll(text);
  const cluster = clusters.get(id.slice(CELLS.length));
  if (!cluster && text) isLacking = true;  // it has its first hosts: only the whole map knows its place
  if (!cluster || text === null) return;
  if (cluster.letters.length === text.length) recolour(cluster, text);
  else isMisplaced = true;
  count(cluster.letters, -1);
  count(text, 1);
  cluster.letters = text;
  tell(id, text);
}

function changeAll(html) {
  if (html === null) return;
  template.innerHTML = html;
  map().replaceWith(template.content.firstElementChild);
  const before = [...clusters.keys()].join();
  readAll();
  if ([...clusters.keys()].join() !== before) fetchTableSoon();
  for (const [key, cluster] of clusters) tell(CELLS + key, cluster.letters);
}

/** When all parts of a frame are in: hosts that came or went move all cells behind them, once. */
function settle() {
  if (isMisplaced) drawAll();
  isMisplaced = false;
}

function everySecond() {
  if (isLacking) askForAll();
  showTotals();
}

function readAll() {
  const packed = map().dataset.packed;
  clusters = new Map((packed ? packed.split("\n") : []).map((line) => line.split("\t")).map(([key, cells]) => [key, { letters: cells, at: 0 }]));
  totals = new Map();
  isLacking = false;
  for (const cluster of clusters.values()) count(cluster.letters, 1);
  isMisplaced = true;
}

// ---- drawing ----

/** The largest cells with which everything fits. */
function drawAll() {
  const ratio = window.devicePixelRatio || 1, box = canvas.parentElement.getBoundingClientRect();
  const width = Math.floor(box.width * ratio), height = Math.floor(box.height * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  pen.fillStyle = BACKGROUND;
  pen.fillRect(0, 0, width, height);
  const sizes = [...clusters.values()].map((one) => one.letters.length);
  const total = sizes.reduce((sum, n) => sum + n + BETWEEN, 0);
  if (!total || !width || !height) return;
  cell = Math.max(1, Math.floor(Math.sqrt(width * height / total)));
  while (cell > 1 && !fits(sizes, width, height)) cell -= 1;
  columns = Math.max(1, Math.floor(width / cell));
  let at = 0;
  for (const cluster of clusters.values()) {
    at = placed(at, cluster.letters.length);
    cluster.at = at;
    for (let place = 0; place < cluster.letters.length; place += 1) draw(at + place, cluster.letters[place]);
    at += cluster.letters.length + BETWEEN;
  }
}

/** A cluster that fits into a line is not broken over two. */
function placed(at, size) {
  const left = columns - at % columns;
  return size <= columns && size > left ? at + left : at;
}

function fits(sizes, width, height) {
  columns = Math.max(1, Math.floor(width / cell));
  const end = sizes.reduce((at, size) => placed(at, size) + size + BETWEEN, 0);
  return Math.ceil(end / columns) * line() <= height;
}

const line = () => Math.max(cell, Math.round(cell * LINE));

function recolour(cluster, text) {
  for (let place = 0; place < text.length; place += 1) {
    if (text[place] !== cluster.letters[place]) draw(cluster.at + place, text[place]);
  }
}

/** One cell, over whatever it was. */
function draw(at, letter) {
  const side = cell - Math.max(cell > 3 ? 1 : 0, Math.round(cell * GAP));
  const x = at % columns * cell, y = Math.floor(at / columns) * line();
  pen.fillStyle = colours[letter] ?? colours.q;
  pen.fillRect(x, y, side, side);
  const edge = Math.max(1, Math.round(side * 0.18));
  if (HOLLOW.has(letter) && side > 4) {
    pen.fillStyle = BACKGROUND;
    pen.fillRect(x + edge, y + edge, side - 2 * edge, side - 2 * edge);
  } else if (CROSSED.has(letter) && side > 5) {
    pen.fillStyle = BACKGROUND;
    pen.fillRect(x + edge * 2, y + Math.round((side - edge) / 2), side - edge * 4, edge);
  }
}

// ---- the same in words ----

function count(text, by) {
  for (const letter of text) totals.set(letter, (totals.get(letter) ?? 0) + by);
  isCounted = false;
}

/** How many hosts are in each state, beside its word. */
function showTotals() {
  if (isCounted) return;
  isCounted = true;
  for (const one of legend) {
    const n = totals.get(one.dataset.letter) ?? 0, text = figures.format(n), figure = one.querySelector("[data-count]");
    if (figure.textContent !== text) figure.textContent = text;
    one.toggleAttribute("data-none", !n);
  }
}

/** Into the cluster's row, when it is on this page of the table. */
function tell(id, text) {
  const row = document.getElementById(id);
  if (!row) return;
  const tally = Object.fromEntries(letters.map((letter) => [letter, 0]));
  for (const letter of text) tally[letter] += 1;
  row.querySelectorAll("td").forEach((td, place) => {
    const n = String(tally[letters[place]]);
    if (td.textContent !== n) td.textContent = n;
  });
}

/** Which clusters there are has changed: names are the server's to say. */
function fetchTableSoon() {
  table ||= setTimeout(fetchTable, TABLE_AFTER_MS * (1 + Math.random()));
}

async function fetchTable() {
  table = 0;
  const answer = await fetch(location.href, { cache: "no-store", redirect: "manual" }).catch(() => null);
  if (!answer || answer.status >= 500) return fetchTableSoon();
  if (!answer.ok) return;  // the socket says why nobody may look any more
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("cells-words");
  if (now) document.getElementById("cells-words").replaceWith(now);
}

readAll();
settle();
showTotals();
window.addEventListener("resize", drawAll);
follow(change, everySecond, settle);
