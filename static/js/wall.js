/* The wall of five bands: each is replaced whole when it was pushed. A problem that is new stands out for a moment and,
   where the screen was told to, sounds. */
import { follow, say, setNote, wall, writeTimes } from "./wall/live.js";

const NEW_S = 60, STANDS_OUT_MS = 3000;
const TONES = [660, 880], TONE_S = 0.16;

const template = document.createElement("template");
let shown = problems();
let outUntil = 0;
let audio = null;

function problems() {
  return new Set([...document.querySelectorAll("[data-problem]")].map((one) => one.dataset.problem));
}

function change(id, html) {
  const old = document.getElementById(id);
  if (!old || html === null) return;
  template.innerHTML = html;
  const now = template.content.firstElementChild;
  old.replaceWith(now);
  writeTimes(now);
  if (id === "wall-problems") tellNews();
}

/** One that was not shown before and is young: an old one that moves up is no news. */
function tellNews() {
  const news = [...document.querySelectorAll("[data-problem]")].filter((one) => !shown.has(one.dataset.problem) && isYoung(one));
  shown = problems();
  if (!news.length) return;
  news.forEach((one) => one.setAttribute("data-new", ""));
  outUntil = performance.now() + STANDS_OUT_MS;
  if ("sound" in wall.dataset) sound();
}

function isYoung(one) {
  const at = Date.parse(one.querySelector("time")?.dateTime ?? "");
  return Math.abs(Date.now() - at) / 1000 < NEW_S;
}

function calmDown() {
  if (!outUntil || performance.now() < outUntil) return;
  outUntil = 0;
  document.querySelectorAll("[data-new]").forEach((one) => one.removeAttribute("data-new"));
}

async function sound() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume();
  if (audio.state !== "running") return setNote(say("no_sound"));
  setNote("");
  TONES.forEach((frequency, place) => {
    const tone = new OscillatorNode(audio, { frequency }), loud = new GainNode(audio, { gain: 0.2 });
    tone.connect(loud).connect(audio.destination);
    tone.onended = () => loud.disconnect();
    tone.start(audio.currentTime + place * TONE_S);
    tone.stop(audio.currentTime + (place + 1) * TONE_S);
  });
}

follow(change, calmDown);
