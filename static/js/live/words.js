/* What this script says comes from the page, in the installation's language: #words holds it as JSON. */
const words = JSON.parse(document.getElementById("words")?.dataset.words ?? "{}");

/** The text of that name, its %(places)s filled. */
export const say = (name, values = {}) => words[name].replace(/%\((\w+)\)s/g, (_, place) => values[place]);
