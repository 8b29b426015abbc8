/* A cloud is read every few seconds without an event: its age comes with the heartbeat, to the corner of the page. Here
   the same age is shown beside the cloud. */
function mirror() {
  for (const cell of document.querySelectorAll("[data-age-of]")) {
    const shown = document.querySelector(`#trust [data-cloud="${CSS.escape(cell.dataset.ageOf)}"] time`);
    if (!shown) continue;
    let time = cell.querySelector("time");
    if (!time) {
      time = document.createElement("time");
      time.dataset.as = "ago";
      cell.replaceChildren(time);
    }
    if (time.dateTime !== shown.dateTime) time.dateTime = shown.dateTime;
  }
}

const trust = document.getElementById("trust");
if (trust) new MutationObserver(mirror).observe(trust, { subtree: true, childList: true, attributes: true, attributeFilter: ["datetime"] });
