// Addresses within the page: `#/filters/hf/likes/small`, `#/models?q=llama`.

/** @typedef {{ view: string, parts: string[], query: URLSearchParams }} Route */

const VIEWS = ["overview", "filters", "models", "health"];

/**
 * Return what a hash addresses: the overview if it addresses nothing.
 * @param {string} hash
 * @returns {Route}
 */
function parseRoute(hash) {
  const [path = "", ...rest] = hash.replace(/^#\/?/, "").split("?");
  const [view = "", ...parts] = path.split("/").map(decodePart);
  const query = new URLSearchParams(rest.join("?"));
  return VIEWS.includes(view) ? { view, parts, query } : { view: "overview", parts: [], query };
}

/** @param {string} part */
function decodePart(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand
  }
}

/**
 * Return the address of parts, which may have any character; a `/` within a part separates like one between parts.
 * @param {...string} parts
 */
function routeTo(...parts) {
  return `#/${parts.join("/").split("/").map(encodeURIComponent).join("/")}`;
}

/**
 * Return the address of a view with what its controls have, without those that are empty.
 * @param {string} view
 * @param {Record<string, string>} controls
 */
function routeWith(view, controls) {
  const query = new URLSearchParams(Object.entries(controls).filter(([, value]) => value.trim() !== ""));
  return query.size ? `#/${view}?${query}` : `#/${view}`;
}

/**
 * @param {SourceData} source
 * @param {Index} row
 */
function modelRoute(source, row) {
  return routeTo("models", source.name, idOf(source, row));
}

/** @param {Filter} filter */
function filterRoute(filter) {
  return routeTo("filters", filter.source.prefix, filter.path);
}
