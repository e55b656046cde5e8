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
  const state = route.query.get("state");
  if (state !== null) narrowState().value = state;
  narrowManifests();
  return { title: "Filters", heading: byId("filters") };
}

function narrowState() {
  return /** @type {HTMLSelectElement} */ (byId("narrow-state"));
}

/** Show the manifests that have all words of the text box in label or path, and the chosen state. */
function narrowManifests() {
  const text = /** @type {HTMLInputElement} */ (byId("narrow-text")).value;
  const words = text.toLowerCase().split(/\s+/);
  const state = narrowState().value;
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
  byId("narrow-count").textContent = shown === all ? counted(all, "manifest") : `${formatNumber(shown)} of ${counted(all, "manifest")}`;
}

function startFilters() {
  byId("narrow").addEventListener("input", narrowManifests);
  byId("narrow").addEventListener("submit", (event) => event.preventDefault());
}
