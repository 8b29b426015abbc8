/* Every host as a cell of one canvas, by cluster. Ten thousand cells are one string a cluster; a change draws its own
   cluster anew and nothing else. The table says the same in words. */
import { follow } from "./wall/live.js";

const map = () => document.getElementById("wall-map");
const canvas = document.getElementById("cells");
const pen = canvas.getContext("2d", { alpha: false });
const body = document.querySelector("#cells-table tbody");
const legend = [...document.querySelectorAll("[data-letter]")];
const letters = legend.map((one) => one.dataset.letter);
const colours = Object.fromEntries(legend.map((one) => [one.dataset.letter, getComputedStyle(one.querySelector(".glyph")).color]));
const HOLLOW = new Set(["o", "t", "q"]);   // told by shape, too, not by colour alone
const CROSSED = new Set(["f", "x"]);
const BACKGROUND = "#0b0f14", GAP = 0.16, BETWEEN = 1, LINE = 1.3;  // in cells: between cells, between clusters, a line's height

const template = document.createElement("template");
let clusters = new Map();   // key → {letters, name, zone, at}
let cell = 0, columns = 0;

function read(packed) {
  const [key, cells, name, zone] = packed.split("\t");
  return [key, { letters: cells, name, zone, at: 0 }];
}

function readAll() {
  const packed = map().dataset.packed;
  clusters = new Map(packed ? packed.split("\n").map(read) : []);
  body.replaceChildren(...[...clusters].map(row));
  drawAll();
}

function row([key, cluster]) {
  const tr = document.createElement("tr"), head = document.createElement("th"), name = document.createElement("bdi");
  tr.id = `cells-${key}`;
  head.scope = "row";
  name.textContent = cluster.name;
  head.append(name);
  tr.append(head, ...letters.map(() => document.createElement("td")));
  countInto(tr, cluster);
  return tr;
}

function countInto(tr, cluster) {
  letters.forEach((letter, place) => {
    const text = String(cluster.letters.split(letter).length - 1), td = tr.cells[place + 1];
    if (td.textContent !== text) td.textContent = text;
  });
}

/** The largest cells with which everything fits. */
function drawAll() {
  const ratio = window.devicePixelRatio || 1, box = canvas.parentElement.getBoundingClientRect();
  const width = Math.floor(box.width * ratio), height = Math.floor(box.height * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  pen.fillStyle = BACKGROUND;
  pen.fillRect(0, 0, width, height);
  const sizes = [...clusters.values()].map((one) => one.letters.length);
  const total = sizes.reduce((sum, n) => sum + n + BETWEEN, 0);
  if (!total || !width || !height) return count();
  cell = Math.max(1, Math.floor(Math.sqrt(width * height / total)));
  while (cell > 1 && !fits(sizes, width, height)) cell -= 1;
  columns = Math.max(1, Math.floor(width / cell));
  let at = 0;
  for (const cluster of clusters.values()) {
    at = placed(at, cluster.letters.length);
    cluster.at = at;
    draw(cluster);
    at += cluster.letters.length + BETWEEN;
  }
  count();
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

function draw(cluster) {
  const gap = Math.max(cell > 3 ? 1 : 0, Math.round(cell * GAP)), side = cell - gap;
  for (let place = 0; place < cluster.letters.length; place += 1) {
    const letter = cluster.letters[place], at = cluster.at + place;
    const x = at % columns * cell, y = Math.floor(at / columns) * line();
    pen.fillStyle = BACKGROUND;
    pen.fillRect(x, y, cell, cell);
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
}

/** How many hosts are in each state, beside its word. */
function count() {
  const all = [...clusters.values()].map((one) => one.letters).join("");
  for (const one of legend) {
    const n = all.split(one.dataset.letter).length - 1, text = n.toLocaleString(document.documentElement.lang);
    const figure = one.querySelector("[data-count]");
    if (figure.textContent !== text) figure.textContent = text;
    one.toggleAttribute("data-none", !n);
  }
}

function change(id, html) {
  if (html === null) return;
  template.innerHTML = html;
  const pushed = template.content.firstElementChild;
  if (id === "wall-map") {
    map().replaceWith(pushed);
    readAll();
    return;
  }
  const [key, now] = read(pushed.dataset.packed);
  const old = clusters.get(key);
  clusters.set(key, now);
  if (!old || old.letters.length !== now.letters.length) {
    const before = document.getElementById(`cells-${key}`);
    if (before) before.replaceWith(row([key, now]));
    else body.append(row([key, now]));
    drawAll();
    return;
  }
  now.at = old.at;
  draw(now);
  countInto(document.getElementById(`cells-${key}`), now);
  dirty = true;
}

let dirty = false;
readAll();
window.addEventListener("resize", drawAll);
follow(change, () => {
  if (dirty) count();
  dirty = false;
});
