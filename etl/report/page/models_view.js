// The search over all models.

const RESULT_CHUNK = 50;

/** What the list of results shows, so that going back to it keeps it as it is. */
let shownResults = "";

/**
 * Show the search, or the model that the route addresses.
 * @param {Route} route
 * @returns {Shown}
 */
function showModels(route) {
  const isOne = route.parts.length > 0;
  byId("search").hidden = isOne;
  byId("model").hidden = !isOne;
  if (isOne) return showModel(route.parts);
  const query = route.query.get("q") ?? "";
  setControl("query", query);
  showResults(query);
  return { title: query ? `${query} · Models` : "Models", heading: byId("models") };
}

function searchRoute() {
  return routeWith("models", { q: controlOf("query").value });
}

/** @param {string} query */
function showResults(query) {
  const key = `${areNamesShown} ${query}`;
  if (key === shownResults) return;
  shownResults = key;
  const matches = searchModels(query, areNamesShown);
  byId("result-count").textContent = matches.length
    ? counted(matches.length, "model")
    : `No model has ${query.trim()} in id, name, author or tags.`;
  const list = h("ol", { class: "results" });
  byId("results").replaceChildren(list, appendInChunks(list, matches, RESULT_CHUNK, result));
}

/** @param {Match} match */
function result({ source, row }) {
  const counts = ["downloads", "likes"].map((name) => [name, fieldOf(source, row, name)]);
  const facts = counts
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => counted(Number(value), String(name).slice(0, -1)));
  const author = fieldOf(source, row, "author");
  const by = typeof author === "string" ? [" · ", h("bdi", {}, author)] : [];
  const line = h("p", { class: "note" }, source.name, ...by, ...facts.flatMap((fact) => [" · ", fact]));
  return h("li", {}, modelLink(source, row), " ", h("code", {}, idOf(source, row)), line);
}

function startModels() {
  byId("find").addEventListener("submit", (event) => event.preventDefault());
  byId("find").addEventListener("input", () => {
    history.replaceState(history.state, "", searchRoute());
    showView();
  });
}
