"use strict";
// Elements. Text only ever becomes text: these scripts parse no markup, and set no style and no event attribute.

/** @typedef {Node | string | number | false | null | undefined} Child */

/**
 * Return a new element. An attribute that is null or false is left out; true is an empty attribute.
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false)
      element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/**
 * Return the element with an id, which the templates have.
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element ${id}`);
  return element;
}

/** @param {string} id */
function controlOf(id) {
  return /** @type {HTMLInputElement | HTMLSelectElement} */ (byId(id));
}

/**
 * Set the value of a control; the cursor stays if it has the value.
 * @param {string} id
 * @param {string} value
 */
function setControl(id, value) {
  if (controlOf(id).value !== value) controlOf(id).value = value;
}

/**
 * Return a table in a region that scrolls sideways, so that the page does not. A heading above it says what its caption says.
 * @param {string} caption
 * @param {{ label: string, isNumber?: boolean }[]} columns
 * @param {HTMLElement} body
 * @returns {HTMLElement}
 */
function table(caption, columns, body) {
  const heads = columns.map(({ label, isNumber }) =>
    h("th", { scope: "col", class: isNumber ? "figure" : null }, label),
  );
  return h(
    "div",
    { class: "scroll narrow", role: "region", tabindex: 0, "aria-label": caption },
    h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, heads)), body),
  );
}

const COMMAND =
  /\b(?:make (?:extract manifests|[a-z-]+)(?: [A-Z_]+=(?:'[^']*'|[^\s;,()']+))*|rm -r (?:'[^']*'|[^\s;,()']+))/g;

/**
 * Return the parts of a message; its commands stand out.
 * @param {string} text
 * @returns {Child[]}
 */
function message(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(COMMAND)) {
    parts.push(text.slice(end, match.index), h("code", {}, match[0]));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end)];
}
