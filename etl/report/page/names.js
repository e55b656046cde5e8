// Names above pg13 are hidden until the visitor wants to see them. The choice is not stored.

let areNamesShown = false;

/**
 * Return whether the name and the tags of a model are hidden.
 * @param {SourceData} source
 * @param {Index} row
 */
function isNameHidden(source, row) {
  return !areNamesShown && hasRow(source.hidden, row);
}

/**
 * Return the name of a model, or that it is hidden.
 * @param {SourceData} source
 * @param {Index} row
 */
function shownName(source, row) {
  if (!isNameHidden(source, row)) return String(fieldOf(source, row, "name") ?? idOf(source, row));
  const level = String(fieldOf(source, row, "level"));
  return `name hidden (${catalogue().hidden_levels.includes(level) ? level : "above pg13"})`;
}

/**
 * Return a link to a model.
 * @param {SourceData} source
 * @param {Index} row
 */
function modelLink(source, row) {
  const name = shownName(source, row);
  return h("a", { href: modelRoute(source, row), class: isNameHidden(source, row) ? "hidden-name" : null }, name);
}
