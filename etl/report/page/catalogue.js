// The data of the page. It is parsed once, and a column is decoded when a field of it is read first.

/** @type {ReportData | null} */
let parsedData = null;
/** @type {WeakMap<Column, (row: Index, id: string) => unknown>} */
const readers = new WeakMap();
/** @type {WeakMap<StreamData, Map<Index, Index>>} */
const positionsByStream = new WeakMap();
/** @type {WeakMap<SourceData, Map<string, Index>>} */
const rowsBySource = new WeakMap();
/** @type {WeakMap<Index[], Set<Index>>} */
const sets = new WeakMap();

/** Return the data of the page. */
function catalogue() {
  parsedData ??= /** @type {ReportData} */ (JSON.parse(byId("data").textContent ?? ""));
  return parsedData;
}

/**
 * Return a source by its name or its prefix; null if it is unknown.
 * @param {string} name
 * @returns {SourceData | null}
 */
function sourceOf(name) {
  return catalogue().sources.find((source) => source.name === name || source.prefix === name) ?? null;
}

/**
 * Return the value of a field of a model; null if the source has no such field.
 * @param {SourceData} source
 * @param {Index} row
 * @param {string} name
 * @returns {unknown}
 */
function fieldOf(source, row, name) {
  if (!Object.hasOwn(source.columns, name)) return null;
  const column = /** @type {Column} */ (source.columns[name]);
  let read = readers.get(column);
  if (read === undefined) readers.set(column, (read = columnReader(column)));
  return read(row, name === "id" ? "" : idOf(source, row));
}

/**
 * Return a function that returns the value of a row.
 * @param {Column} column
 * @returns {(row: Index, id: string) => unknown}
 */
function columnReader(column) {
  const read = plainReader(column);
  if (column.except === undefined) return read;
  const values = new Map(Object.entries(column.except).map(([row, value]) => [Number(row), value]));
  return (row, id) => (values.has(row) ? values.get(row) : read(row, id));
}

/**
 * @param {Column} column
 * @returns {(row: Index, id: string) => unknown}
 */
function plainReader(column) {
  if ("values" in column) return (row) => column.values[row];
  if ("lists" in column) return (row) => (column.lists[row] ?? []).map((item) => (typeof item === "number" ? column.table[item] : item));
  if ("indexes" in column) return (row) => column.table[column.indexes[row] ?? -1] ?? null;
  if ("days" in column) return (row) => formatDayOrNull(column.days[row]);
  if ("after_slash" in column) return (_, id) => id.slice(id.indexOf("/") + 1) || id;
  if ("before_slash" in column) return (_, id) => id.split("/", 1)[0];
  if ("prefix" in column) return (_, id) => column.prefix + id;
  return () => column.constant;
}

/** @param {number | null | undefined} days */
function formatDayOrNull(days) {
  return days === null || days === undefined ? null : formatDay(days);
}

/**
 * Return the id of a model.
 * @param {SourceData} source
 * @param {Index} row
 */
function idOf(source, row) {
  return String(fieldOf(source, row, "id"));
}

/**
 * Return the row of a model, in any spelling of its id; null if the source does not have it.
 * @param {SourceData} source
 * @param {string} id
 * @returns {Index | null}
 */
function rowOf(source, id) {
  let rows = rowsBySource.get(source);
  if (rows === undefined) {
    rows = new Map();
    for (let row = source.rows - 1; row >= 0; row--) rows.set(idOf(source, row).toLowerCase(), row);
    for (let row = 0; row < source.rows; row++) rows.set(idOf(source, row), row);
    rowsBySource.set(source, rows);
  }
  return rows.get(id) ?? rows.get(id.toLowerCase()) ?? null;
}

/**
 * Return a stream that manifests are made from; null if it is not on disk, or counts as missing.
 * @param {SourceData} source
 * @param {string} name
 * @returns {StreamData | null}
 */
function streamOf(source, name) {
  return source.streams.find((stream) => stream.name === name && stream.missing === null) ?? null;
}

/**
 * Return the position of a model in a stream; null if the stream does not have it.
 * @param {StreamData} stream
 * @param {Index} row
 * @returns {Index | null}
 */
function positionOf(stream, row) {
  let positions = positionsByStream.get(stream);
  if (positions === undefined) {
    positions = new Map(stream.order.map((other, position) => [other, position]));
    positionsByStream.set(stream, positions);
  }
  return positions.get(row) ?? null;
}

/**
 * Return the value of a field of the model at a position of a stream.
 * @param {SourceData} source
 * @param {StreamData} stream
 * @param {Index} position
 * @param {string} name
 * @returns {unknown}
 */
function fieldAt(source, stream, position, name) {
  const fields = stream.fields[position];
  return fields !== undefined && name in fields ? fields[name] : fieldOf(source, stream.order[position] ?? -1, name);
}

/**
 * Return whether a list of rows has a row.
 * @param {Index[]} rows
 * @param {Index} row
 */
function hasRow(rows, row) {
  let set = sets.get(rows);
  if (set === undefined) sets.set(rows, (set = new Set(rows)));
  return set.has(row);
}
