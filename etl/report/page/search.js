// Search over all models: every word must occur in the id, name, author or tags. Plain substrings, so that nothing is indexed.

/** @typedef {{ source: SourceData, row: Index }} Match */
/**
 * A model in lower case. `all` has everything that is searched; the id and the name come first in it.
 * @typedef {{ source: SourceData, row: Index, id: string, name: string, all: string, isHidden: boolean, downloads: number }} Entry
 */

/** @type {Entry[] | null} */
let entries = null;

/** Return all models, most downloaded first. */
function searchEntries() {
  if (entries !== null) return entries;
  entries = [];
  for (const source of catalogue().sources) {
    for (let row = 0; row < source.rows; row++) entries.push(entryOf(source, row));
  }
  entries.sort((left, right) => right.downloads - left.downloads);
  return entries;
}

/**
 * @param {SourceData} source
 * @param {Index} row
 * @returns {Entry}
 */
function entryOf(source, row) {
  const id = idOf(source, row).toLowerCase();
  const name = String(fieldOf(source, row, "name") ?? "").toLowerCase();
  const author = String(fieldOf(source, row, "author") ?? "").toLowerCase();
  const tags = fieldOf(source, row, "tags");
  const all = `${id}\n${name}\n${author}\n${Array.isArray(tags) ? tags.join("\n").toLowerCase() : ""}`;
  return {
    source,
    row,
    id,
    name,
    all,
    isHidden: hasRow(source.hidden, row),
    downloads: Number(fieldOf(source, row, "downloads") ?? -1),
  };
}

/**
 * Return the models that match a query: exact ids and names first, then those that start with it, then names that contain it.
 * Models whose names are hidden match by id alone.
 * @param {string} query
 * @param {boolean} areNamesShown
 * @returns {Match[]}
 */
function searchModels(query, areNamesShown) {
  const text = query.trim().toLowerCase();
  const words = text.split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return searchEntries();
  /** @type {Entry[][]} */
  const ranks = [[], [], [], []];
  for (const entry of searchEntries()) {
    const isById = entry.isHidden && !areNamesShown;
    const all = isById ? entry.id : entry.all;
    if (words.every((word) => all.includes(word))) ranks[rankOf(entry, text, isById ? "" : entry.name)]?.push(entry);
  }
  return ranks.flat();
}

/**
 * @param {Entry} entry
 * @param {string} text
 * @param {string} name
 */
function rankOf(entry, text, name) {
  if (entry.id === text || name === text) return 0;
  if (entry.id.startsWith(text) || name.startsWith(text)) return 1;
  return name.includes(text) ? 2 : 3;
}
