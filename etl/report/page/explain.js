// Why a model is in a manifest or not, word for word as `make explain` says it.

/** @typedef {{ manifests: Record<string, number>, not_in: Record<string, string> }} Explanation */

const NAME_FIELDS = ["name", "tags"]; // that may say what a hidden name would

/**
 * Return the rank of a model in each manifest that has it, and why each other manifest lacks it; null if it is unknown.
 * @param {string} sourceName
 * @param {string} id
 * @returns {Explanation | null}
 */
function explainModel(sourceName, id) {
  const source = sourceOf(sourceName);
  const row = source && rowOf(source, id);
  if (source === null || row === null) return null;
  /** @type {Explanation} */
  const explanation = { manifests: {}, not_in: {} };
  for (const filter of source.filters) {
    const result = rankIn(source, filter, row);
    if (typeof result === "number") explanation.manifests[filter.file] = result;
    else explanation.not_in[filter.file] = result;
  }
  return explanation;
}

/**
 * Return the rank of a model in a manifest, from 1, or why it is absent.
 * @param {SourceData} source
 * @param {FilterData} filter
 * @param {Index} row
 * @param {boolean} [isHidden] whether values that say its name are left out
 * @returns {number | string}
 */
function rankIn(source, filter, row, isHidden = false) {
  if (hasRow(source.excluded, row)) return "excluded by id in filters.toml";
  const stream = streamOf(source, filter.stream);
  if (filter.missing !== null || stream === null) return filter.missing ?? `stream ${filter.stream} is not on disk`;
  const position = positionOf(stream, row);
  if (position === null) return absence(source, stream, row);
  const conditions = conditionsOf(source, filter.options);
  const ruling = stream.rulings[position];
  if (ruling?.forbids) return plainText(source, ruling.text);
  const group = /** @type {GroupData} */ (source.groups[stream.groups[position] ?? -1]);
  const failed = conditions.find((condition) => group.fails.some(([other]) => other === condition));
  if (failed === undefined)
    return rankAt(positionsOf(filterOf(source, filter.options), stream), position, filter.limit);
  const matchesOwn = group.own_fails !== null && !conditions.some((condition) => group.own_fails?.includes(condition));
  if (ruling && matchesOwn) return plainText(source, ruling.by_condition[failed] ?? ruling.text);
  const [, reason] = /** @type {[Index, Index]} */ (group.fails.find(([other]) => other === failed));
  const hidden = isHidden ? NAME_FIELDS.filter((name) => fieldsOf(source, failed).includes(name)) : [];
  if (hidden.length) return `${source.conditions[failed]} excludes it (${hidden.join(", ")} hidden)`;
  return reasonText(source, stream, position, reason, isHidden);
}

/**
 * Return the fields whose values the reason of a condition may have; none for a requirement, whose reason names its fields.
 * @param {SourceData} source
 * @param {Index} condition
 */
function fieldsOf(source, condition) {
  const options = source.axes.flatMap((axis) => axis.options);
  return options.find((option) => option.condition === condition)?.fields ?? [];
}

/**
 * Return why a model is not in a stream.
 * @param {SourceData} source
 * @param {StreamData} stream
 * @param {Index} row
 */
function absence(source, stream, row) {
  const rejected = stream.rejected[row];
  if (rejected !== undefined) return `rejected: ${plainText(source, rejected)}`;
  return `not among the ${stream.order.length} models of stream ${stream.name}`;
}

/**
 * @param {Index[]} positions
 * @param {Index} position
 * @param {number} limit
 */
function rankAt(positions, position, limit) {
  const rank = positions.indexOf(position) + 1;
  return rank <= limit ? rank : `over the limit: rank ${rank}, limit ${limit}`;
}

/**
 * Return a text without values of fields.
 * @param {SourceData} source
 * @param {Index} index
 */
function plainText(source, index) {
  const text = /** @type {TextData} */ (source.texts[index]);
  return typeof text === "string" ? text : text.text;
}

/**
 * Return why a condition does not match the model at a position, with the values of the fields that its expression names.
 * @param {SourceData} source
 * @param {StreamData} stream
 * @param {Index} position
 * @param {Index} index
 * @param {boolean} isHidden
 */
function reasonText(source, stream, position, index, isHidden) {
  const text = /** @type {TextData} */ (source.texts[index]);
  if (typeof text === "string") return text;
  const values = text.fields.map((name) => {
    const isLeftOut = isHidden && NAME_FIELDS.includes(name);
    return `${name} ${isLeftOut ? "hidden" : formatReasonValue(fieldAt(source, stream, position, name))}`;
  });
  return values.length ? `${text.text} (${values.join(", ")})` : text.text;
}
