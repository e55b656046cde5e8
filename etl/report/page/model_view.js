// One model: its fields, what decided them, and its manifests.

const UNLISTED_FIELDS = ["name", "id", "source", "size_from", "size_against", "level_from"]; // shown elsewhere

/** @type {Record<string, string>} */
const SIZE_ORIGINS = {
  safetensors: "the parameters counted in its weights",
  "safetensors corrected for packing":
    "the parameters counted in its weights, unpacked: quantised weights are packed, several an element",
  gguf: "the parameters counted in its GGUF file",
  name: "the number in its name",
  "base model": "the count of the model it was made of",
  "base model's name": "the number in the name of the model it was made of",
  family: "the well-known family that its name is of",
  architecture: "its architecture, whose models are all of one class",
};
/** @type {Record<string, string>} */
const LEVEL_ORIGINS = {
  mask: "the levels that CivitAI states for it",
  images: "the levels of its images",
  flag: "its flag nsfw: a flagged model is never milder than r",
  none: "nothing: no evidence states one, so that it counts as the highest",
  invalid: "nothing: what CivitAI states is not a valid level, so that it counts as the highest",
};

/**
 * Show the model that parts of a route address: the name of its source, and its id.
 * @param {string[]} parts
 * @returns {Shown}
 */
function showModel([sourceName = "", ...rest]) {
  const source = sourceOf(sourceName);
  const row = source && rowOf(source, rest.join("/"));
  const back = h("p", {}, h("a", { href: searchRoute() }, "← Search"));
  if (source === null || row === null) {
    const heading = h("h2", { tabindex: -1 }, "Model not found");
    byId("model").replaceChildren(
      back,
      heading,
      h("p", {}, "No stream on disk has a model ", h("code", {}, [sourceName, ...rest].join("/")), "."),
    );
    return { title: "Model not found", heading };
  }
  const name = shownName(source, row);
  const heading = h("h2", { tabindex: -1 }, name);
  const id = h("p", {}, h("code", {}, idOf(source, row)), ` · ${source.name}`);
  byId("model").replaceChildren(
    back,
    heading,
    id,
    h("h3", {}, "Fields"),
    modelFields(source, row),
    ...modelStreams(source, row),
    ...modelManifests(source, row),
  );
  return { title: name, heading };
}

/**
 * @param {SourceData} source
 * @param {Index} row
 */
function modelFields(source, row) {
  if (fieldOf(source, row, "name") === null)
    return h("p", {}, "No stream on disk has it as a model, so that it has no fields.");
  const names = Object.keys(source.columns).filter((name) => !UNLISTED_FIELDS.includes(name));
  const items = names.map((name) => [name, modelField(source, row, name)]);
  items.push(...origins(source, row));
  return h(
    "dl",
    { class: "fields" },
    items.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/**
 * @param {SourceData} source
 * @param {Index} row
 * @param {string} name
 * @returns {Child}
 */
function modelField(source, row, name) {
  if (isNameHidden(source, row) && NAME_FIELDS.includes(name)) return h("span", { class: "note" }, "hidden");
  const value = fieldOf(source, row, name);
  if (name === "url" && typeof value === "string" && value.startsWith("https://")) {
    return h("a", { href: value, rel: "noopener noreferrer" }, value);
  }
  return formatValue(value);
}

/**
 * Return where the size and the level come from, in words.
 * @param {SourceData} source
 * @param {Index} row
 * @returns {[string, Child][]}
 */
function origins(source, row) {
  /** @type {[string, Child][]} */
  const items = [];
  const against = fieldOf(source, row, "size_against");
  const conflict = Array.isArray(against) && against.length ? `; against it: ${against.join(", ")}` : "";
  if ("size_from" in source.columns) {
    const origin = String(fieldOf(source, row, "size_from"));
    const none = conflict ? "nothing: the evidence disagrees" : "nothing: there is no evidence";
    items.push(["size comes from", `${origin === "none" ? none : (SIZE_ORIGINS[origin] ?? origin)}${conflict}`]);
  }
  if ("level_from" in source.columns) {
    const origin = String(fieldOf(source, row, "level_from"));
    items.push(["level comes from", LEVEL_ORIGINS[origin] ?? origin]);
  }
  return items;
}

/**
 * Return the rank of a model in each stream, and what its other records decide.
 * @param {SourceData} source
 * @param {Index} row
 * @returns {HTMLElement[]}
 */
function modelStreams(source, row) {
  const rows = [];
  for (const stream of source.streams) {
    const position = positionOf(stream, row);
    const rejected = stream.rejected[row];
    if (position === null && rejected === undefined) continue;
    const ruling = position === null ? undefined : stream.rulings[position];
    const note =
      rejected !== undefined && position === null
        ? `rejected: ${plainText(source, rejected)}`
        : ruling
          ? plainText(source, ruling.text)
          : "";
    const rank = position === null ? "–" : `${formatNumber(position + 1)} of ${formatNumber(stream.order.length)}`;
    rows.push(
      h(
        "tr",
        {},
        h("th", { scope: "row" }, stream.name),
        h("td", { class: "figure" }, rank),
        h("td", {}, message(note || "–")),
      ),
    );
  }
  if (rows.length === 0) return [];
  const columns = [{ label: "Stream" }, { label: "Rank", isNumber: true }, { label: "Other records" }];
  return [h("h3", {}, "Streams"), table("Its rank in each stream", columns, h("tbody", {}, rows))];
}

/**
 * Return the manifests that have a model, and why the others lack it.
 * @param {SourceData} source
 * @param {Index} row
 * @returns {HTMLElement[]}
 */
function modelManifests(source, row) {
  const [has, lacks] = [h("tbody"), h("tbody")];
  for (const filter of source.filters) {
    const { path } = filterOf(source, filter.options);
    const link = h("a", { href: routeTo("filters", source.prefix, path) }, filter.label);
    const result = rankIn(source, filter, row, isNameHidden(source, row));
    const cells = [
      h("th", { scope: "row" }, link),
      h("td", { class: "id" }, h("code", {}, `${source.prefix}/${path}`)),
    ];
    if (typeof result === "number") has.append(h("tr", {}, cells, h("td", { class: "figure" }, formatNumber(result))));
    else lacks.append(h("tr", {}, cells, h("td", { class: "verdict" }, message(result))));
  }
  const columns = [{ label: "Manifest" }, { label: "Path" }];
  const is_in = table("Manifests that have it", [...columns, { label: "Rank", isNumber: true }], has);
  const is_not_in = table("Manifests that lack it", [...columns, { label: "Why" }], lacks);
  return [
    h("h3", {}, `In ${counted(has.childElementCount, "manifest")}`),
    ...(has.childElementCount ? [is_in] : []),
    h("h3", {}, `Not in ${counted(lacks.childElementCount, "manifest")}`),
    ...(lacks.childElementCount ? [is_not_in] : []),
  ];
}
