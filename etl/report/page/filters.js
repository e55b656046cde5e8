// Filters: one option per axis. Which models match, as etl/selection decides it.

/**
 * What one manifest contains, published or not.
 * @typedef {{ source: SourceData, options: Index[], path: string, label: string, stream: string, limit: number,
 *   published: FilterData | null }} Filter
 */

/** @type {WeakMap<StreamData, Map<Index, number>>} */
const groupSizes = new WeakMap();

/**
 * Return the filter of one option per axis.
 * @param {SourceData} source
 * @param {Index[]} options
 * @returns {Filter}
 */
function filterOf(source, options) {
  const all = source.axes.map((axis, index) => optionAt(axis, options[index] ?? 0));
  const chosen = all.filter((_, index) => options[index] !== 0);
  const published =
    source.filters.find((filter) => filter.options.every((option, index) => option === options[index])) ?? null;
  return {
    source,
    options,
    path: chosen.map((option) => option.name).join("/") || "default",
    label: published?.label ?? (chosen.length ? chosen : all).map((option) => option.label).join(" · "),
    stream:
      chosen
        .filter((option) => option.is_server_side)
        .map((option) => option.name)
        .join("-") || "default",
    limit: published?.limit ?? source.limit,
    published,
  };
}

/**
 * @param {{ options: OptionData[] }} axis
 * @param {Index} index
 * @returns {OptionData}
 */
function optionAt(axis, index) {
  return /** @type {OptionData} */ (axis.options[index]);
}

/**
 * Return the filter of a path such as `likes/small`; null if it has an unknown option, or options out of order.
 * @param {SourceData} source
 * @param {string} path
 * @returns {Filter | null}
 */
function filterAtPath(source, path) {
  const names = path === "default" ? [] : path.split("/");
  let next = 0;
  const options = source.axes.map((axis) => {
    const option = axis.options.findIndex((other, index) => index > 0 && other.name === names[next]);
    if (option > 0) next++;
    return Math.max(option, 0);
  });
  return next === names.length ? filterOf(source, options) : null;
}

/**
 * Return the conditions of a filter in the order in which they are tested: the requirement, then those of its options.
 * @param {SourceData} source
 * @param {Index[]} options
 * @returns {Index[]}
 */
function conditionsOf(source, options) {
  const own = source.axes.map((axis, index) => optionAt(axis, options[index] ?? 0).condition);
  return [source.requirement, ...own].filter((condition) => condition !== null);
}

/**
 * Return the groups whose models match all conditions.
 * @param {SourceData} source
 * @param {Index[]} conditions
 * @returns {Set<Index>}
 */
function matchingGroups(source, conditions) {
  const matches = new Set();
  source.groups.forEach((group, index) => {
    if (!group.fails.some(([condition]) => conditions.includes(condition))) matches.add(index);
  });
  return matches;
}

/**
 * Return the field by which a filter orders its models, greatest first; null for stream order.
 * @param {Filter} filter
 * @returns {string | null}
 */
function orderField({ source, options }) {
  const fields = source.axes.map((axis, index) => optionAt(axis, options[index] ?? 0).order_field);
  return fields.find((field) => field !== null) ?? null;
}

/**
 * Return the positions of the models of a filter in its stream, in the order of its manifest, without its limit.
 * @param {Filter} filter
 * @param {StreamData} stream
 * @returns {Index[]}
 */
function positionsOf(filter, stream) {
  const groups = matchingGroups(filter.source, conditionsOf(filter.source, filter.options));
  const field = orderField(filter);
  const all = field === null ? [...stream.order.keys()] : (stream.by_field[field] ?? []);
  return all.filter(
    (position) => groups.has(stream.groups[position] ?? -1) && !stream.rulings[position]?.forbids,
  );
}

/**
 * Return how many models of a stream a filter matches, without its limit; null if the stream is not on disk.
 * @param {Filter} filter
 * @returns {number | null}
 */
function countOf(filter) {
  const stream = streamOf(filter.source, filter.stream);
  if (stream === null) return null;
  const sizes = sizesOf(stream);
  let count = 0;
  for (const group of matchingGroups(filter.source, conditionsOf(filter.source, filter.options)))
    count += sizes.get(group) ?? 0;
  return count;
}

/**
 * Return how many models of a stream are in each group, without those that a ruling forbids.
 * @param {StreamData} stream
 */
function sizesOf(stream) {
  let sizes = groupSizes.get(stream);
  if (sizes === undefined) {
    sizes = new Map();
    for (let position = 0; position < stream.groups.length; position++) {
      const group = stream.groups[position] ?? -1;
      if (!stream.rulings[position]?.forbids) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    }
    groupSizes.set(stream, sizes);
  }
  return sizes;
}

/**
 * Return the fields that the options of a filter test or order by.
 * @param {Filter} filter
 * @returns {string[]}
 */
function testedFields({ source, options }) {
  const fields = source.axes.flatMap((axis, index) => optionAt(axis, options[index] ?? 0).fields);
  return [...new Set(fields)].filter((field) => Object.hasOwn(source.columns, field));
}
