/* What a push or an answer has changed, told to readers of the screen: the text of each [data-announce], or what that
   attribute holds. Times and ages alone are no news; many changes are told together, not more often than can be heard. */

const TOGETHER_MS = 150, EVERY_MS = 3000;
let known = new Map(), timer = 0, toldAt = -EVERY_MS;

const plain = (text) => text.replace(/\s+/g, " ").trim();

function withoutTimes(element) {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("time").forEach((time) => time.remove());
  return plain(copy.textContent);
}

/** What each of them says, by what of it counts. */
const texts = () => new Map([...document.querySelectorAll("#main [data-announce]")].map((element) => {
  const given = element.dataset.announce;
  return given ? [given, given] : [withoutTimes(element), plain(element.textContent)];
}));

/** The page as it was opened is no news. */
export function rememberTexts() {
  known = texts();
}

export function announce() {
  if (!timer) timer = setTimeout(tell, Math.max(TOGETHER_MS, toldAt + EVERY_MS - performance.now()));
}

function tell() {
  timer = 0;
  const now = texts();
  const news = [...now].filter(([counts]) => !known.has(counts)).map(([, says]) => says);
  known = now;
  if (!news.length) return;
  toldAt = performance.now();
  document.getElementById("announced").textContent = news.join(" ");
}
