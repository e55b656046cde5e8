import type { CardVariant } from "../../client/src/index.ts";
import { h } from "./dom.ts";
import { formatCount } from "./format.ts";
import { modelLink } from "./route.ts";

const MAX_FORMATS = 4;
const MAX_LINKS = 6;
/** What models of a relation are called: one, and several. */
const NAMES: Record<string, [string, string]> = {
  adapter: ["adapter", "adapters"],
  finetune: ["finetune", "finetunes"],
  merge: ["merge", "merges"],
  quantized: ["quantized", "quantized"],
  unknown: ["other", "others"],
};

/** Return how many models of each relation were made of a model, such as "12 quantized · 1 merge"; empty without any. */
export function variantCounts(variants: readonly CardVariant[]): string {
  return byRelation(variants).map(countText).join(" · ");
}

/** Return what was made of a model, by relation and format, with links to the most downloaded that are published. */
export function variantList(source: string, variants: readonly CardVariant[]): HTMLElement {
  const items = byRelation(variants).map((rows) => {
    const ids = rows.flatMap(({ top }) => top).slice(0, MAX_LINKS);
    const links = ids.map((id) => h("li", {}, h("a", { href: modelLink(source, id) }, id)));
    return h("li", {}, countText(rows), formatText(rows), links.length > 0 && h("ul", {}, ...links));
  });
  return h("ul", { class: "variants" }, ...items);
}

/** Return the rows of each relation, most models first. */
function byRelation(variants: readonly CardVariant[]): CardVariant[][] {
  const rows = new Map<string, CardVariant[]>();
  for (const variant of variants) rows.set(variant.relation, [...(rows.get(variant.relation) ?? []), variant]);
  return [...rows.values()].sort((left, right) => total(right) - total(left));
}

function total(rows: readonly CardVariant[]): number {
  return rows.reduce((sum, { models }) => sum + models, 0);
}

function countText(rows: readonly CardVariant[]): string {
  const [count, relation] = [total(rows), rows[0]!.relation];
  const names = Object.hasOwn(NAMES, relation) ? NAMES[relation]! : [relation, relation];
  return `${formatCount(count)} ${count === 1 ? names[0] : names[1]}`;
}

/** Return the most frequent formats, such as ": gguf 7, mlx 3 …"; empty if all have the usual one. */
function formatText(rows: readonly CardVariant[]): string {
  const formats = rows.flatMap(({ format, models }) => {
    if (format === null) return [];
    return rows.length === 1 ? [format] : [`${format} ${formatCount(models)}`];
  });
  const more = formats.length > MAX_FORMATS ? " …" : "";
  return formats.length > 0 ? `: ${formats.slice(0, MAX_FORMATS).join(", ")}${more}` : "";
}
