// All manifests: the tables are in the page; this narrows them.

/**
 * Show all manifests, or the one that the route addresses.
 * @param {Route} route
 * @returns {Shown}
 */
function showFilters(route) {
  const isOne = route.parts.length > 0;
  byId("manifests").hidden = isOne;
  byId("manifest").hidden = !isOne;
  if (isOne) return showFilter(route.parts);
  setControl("narrow-text", route.query.get("q") ?? "");
  setControl("narrow-state", route.query.get("state") ?? "");
  narrowManifests();
  return { title: "Filters", heading: byId("filters") };
}

function filtersRoute() {
  return routeWith("filters", { q: controlOf("narrow-text").value, state: controlOf("narrow-state").value });
}

/** Show the manifests that have all words of the text box in label or path, and the chosen state. */
function narrowManifests() {
  const words = controlOf("narrow-text").value.toLowerCase().split(/\s+/);
  const state = controlOf("narrow-state").value;
  let [shown, all] = [0, 0];
  for (const body of document.querySelectorAll(".manifests tbody")) {
    const before = shown;
    for (const row of /** @type {HTMLCollectionOf<HTMLTableRowElement>} */ (body.children)) {
      const content = `${row.cells[0]?.textContent} ${row.cells[1]?.textContent}`.toLowerCase();
      row.hidden = !(words.every((word) => content.includes(word)) && (state === "" || row.dataset.state === state));
      all++;
      if (!row.hidden) shown++;
    }
    /** @type {HTMLElement} */ (body.closest(".scroll")).hidden = shown === before;
  }
  byId("narrow-count").textContent =
    shown === all ? counted(all, "manifest") : `${formatNumber(shown)} of ${counted(all, "manifest")}`;
}

function startFilters() {
  byId("narrow").addEventListener("submit", (event) => event.preventDefault());
  byId("narrow").addEventListener("input", () => {
    history.replaceState(history.state, "", filtersRoute());
    showView();
  });
}
