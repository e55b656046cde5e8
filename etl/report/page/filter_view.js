// One manifest: the options of each axis lead to others, published or not.

const MANIFEST_CHUNK = 200;
const SORT_FIELDS = ["downloads", "likes", "updated"]; // shown where a source has them: most manifests are in such an order

/**
 * Show the manifest of a path, given by the prefix of its source and its options.
 * @param {string[]} parts
 * @returns {Shown}
 */
function showFilter([prefix = "", ...names]) {
  const box = byId("manifest");
  const source = sourceOf(prefix);
  const filter = source && filterAtPath(source, names.join("/"));
  const back = h("p", {}, h("a", { href: filtersRoute() }, "← All filters"));
  if (filter === null) {
    const heading = h("h2", { tabindex: -1 }, "Filter not found");
    box.replaceChildren(
      back,
      heading,
      h("p", {}, h("code", {}, [prefix, ...names].join("/")), " is not a path of filters.toml."),
    );
    return { title: "Filter not found", heading };
  }
  const path = `${filter.source.prefix}/${filter.path}`;
  const heading = h("h2", { tabindex: -1 }, filter.label);
  box.replaceChildren(back, heading, axes(filter), manifestState(filter, path), ...manifestModels(filter));
  return { title: filter.label, heading };
}

/**
 * Return the options of each axis, as links to the filters that differ in it.
 * @param {Filter} filter
 */
function axes(filter) {
  const rows = filter.source.axes.map((axis, index) => {
    const links = axis.options.map((option, at) => optionLink(filter, option, filter.options.with(index, at)));
    return h(
      "div",
      {},
      h("dt", { id: `axis-${index}` }, axis.name),
      h("dd", {}, h("ul", { "aria-labelledby": `axis-${index}` }, links)),
    );
  });
  return h("nav", { "aria-label": "Options" }, h("dl", { class: "axes" }, rows));
}

/**
 * @param {Filter} filter
 * @param {OptionData} option
 * @param {Index[]} options
 */
function optionLink(filter, option, options) {
  const other = filterOf(filter.source, options);
  const count = countOf(other);
  const isCurrent = other.path === filter.path;
  const attributes = {
    href: filterRoute(other),
    "aria-current": isCurrent ? "true" : null,
    class: other.published ? null : "unpublished",
  };
  const models = count === null ? "not fetched" : formatNumber(Math.min(count, other.limit));
  return h(
    "li",
    {},
    h("a", attributes, option.label, " ", h("span", { class: "count" }, models, !other.published && ", no file")),
  );
}

/**
 * Return the state of a manifest, or how to publish it.
 * @param {Filter} filter
 * @param {string} path
 */
function manifestState(filter, path) {
  const row = /** @type {HTMLTableRowElement | null} */ (document.getElementById(`/filters/${path}`));
  if (filter.published === null || row === null) return howToPublish(filter, path);
  const copies = [".tag", ".funnel"].map((selector) => row.querySelector(selector)?.cloneNode(true));
  const verdict = row.querySelector(".verdict")?.textContent ?? "";
  return h(
    "div",
    { class: "state" },
    h("p", {}, copies[0], " ", h("code", {}, path), " ", message(verdict)),
    copies[1],
    h("p", { class: "note" }, row.querySelector(".funnel")?.getAttribute("aria-label")),
  );
}

/**
 * @param {Filter} filter
 * @param {string} path
 */
function howToPublish(filter, path) {
  const count = countOf(filter);
  const matching = count !== null && count > filter.limit ? ` of ${formatNumber(count)} that match` : "";
  const models =
    count === null
      ? `${missingReason(filter)}.`
      : `It would have ${counted(Math.min(count, filter.limit), "model")}${matching}.`;
  const command = catalogue().commands[count === null ? "extract manifests" : "manifests"];
  const toml = `[${filter.source.name}]\nmanifests = [ …, ${JSON.stringify(filter.path)} ]`;
  return h(
    "div",
    { class: "state" },
    h(
      "p",
      {},
      h("span", { class: "tag" }, "no file"),
      " ",
      h("code", {}, path),
      " is not published. ",
      models,
    ),
    h("p", {}, "To publish it, add its path to filters.toml, then run ", h("code", {}, command), ":"),
    h("pre", { tabindex: 0, "aria-label": "What to add to filters.toml" }, toml),
  );
}

/**
 * Return why the stream of a filter counts as missing.
 * @param {Filter} filter
 */
function missingReason({ source, stream }) {
  const reason = source.streams.find((other) => other.name === stream)?.missing;
  return reason ? reason[0]?.toUpperCase() + reason.slice(1) : `Its stream ${stream} is not on disk`;
}

/**
 * Return the models of a manifest as a visitor of the marketplace sees them.
 * @param {Filter} filter
 * @returns {HTMLElement[]}
 */
function manifestModels(filter) {
  const stream = streamOf(filter.source, filter.stream);
  if (stream === null) return [];
  const positions = positionsOf(filter, stream);
  const published = positions.slice(0, filter.limit);
  const cut = positions.length - published.length;
  const more = cut ? `; ${formatNumber(cut)} more match, over the limit` : "";
  const field = orderField(filter);
  const order = field === null ? "" : `, the greatest ${field} first`;
  const count = `${counted(published.length, "model")} of stream ${stream.name}${order}${more}`;
  if (published.length === 0) return [h("h3", {}, "Models"), h("p", {}, "No model of the stream matches.")];
  const fields = [...SORT_FIELDS.filter((field) => field in filter.source.columns), ...testedFields(filter)];
  const names = [...new Set(fields)];
  const columns = [
    { label: "Rank", isNumber: true },
    { label: "Name" },
    { label: "Id" },
    ...names.map((name) => ({ label: name, isNumber: SORT_FIELDS.slice(0, 2).includes(name) })),
  ];
  const body = h("tbody");
  const button = appendInChunks(body, published, MANIFEST_CHUNK, (position, index) =>
    manifestRow(filter, stream, position, index, names),
  );
  return [h("h3", {}, "Models"), h("p", {}, count), table("Models of the manifest", columns, body), button];
}

/**
 * @param {Filter} filter
 * @param {StreamData} stream
 * @param {Index} position
 * @param {Index} index
 * @param {string[]} names of the fields
 */
function manifestRow({ source }, stream, position, index, names) {
  const row = stream.order[position] ?? -1;
  const cells = names.map((name) => {
    const value = fieldAt(source, stream, position, name);
    const isHidden = isNameHidden(source, row) && NAME_FIELDS.includes(name);
    return h("td", { class: typeof value === "number" ? "figure" : null }, isHidden ? "hidden" : formatValue(value));
  });
  const name = h("th", { scope: "row" }, modelLink(source, row));
  return h(
    "tr",
    {},
    h("td", { class: "figure" }, index + 1),
    name,
    h("td", { class: "id" }, h("code", {}, idOf(source, row))),
    cells,
  );
}
