// Values for people.

const DAY_MS = 86_400_000;
const TIME = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z)?$/;
const NUMBERS = new Intl.NumberFormat("en", { maximumFractionDigits: 6 });

/**
 * Return a number with separators.
 * @param {number} value
 */
function formatNumber(value) {
  return NUMBERS.format(value);
}

/**
 * Return a count with its noun: `1 model`, `2 models`.
 * @param {number} count
 * @param {string} noun
 */
function counted(count, noun) {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * Return a date for a number of days since 1970-01-01.
 * @param {number} days
 */
function formatDay(days) {
  return new Date(days * DAY_MS).toISOString().slice(0, 10);
}

/**
 * Return a value as `make explain` writes it in a reason.
 * @param {unknown} value
 * @returns {string}
 */
function formatReasonValue(value) {
  if (Array.isArray(value)) return value.map((item) => formatReasonItem(item)).join(", ") || "none";
  return formatReasonItem(value);
}

/** @param {unknown} value */
function formatReasonItem(value) {
  if (value === null || value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * Return the value of a field for a visitor.
 * @param {unknown} value
 * @returns {Child}
 */
function formatValue(value) {
  if (value === null || value === undefined) return h("span", { class: "note" }, "not stated");
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value))
    return value.map((item) => formatReasonItem(item)).join(", ") || h("span", { class: "note" }, "none");
  if (typeof value === "object") return JSON.stringify(value);
  const time = TIME.exec(String(value));
  if (time === null) return String(value);
  return h("time", { datetime: String(value) }, time[2] === undefined ? time[1] : `${time[1]} ${time[2]} UTC`);
}
