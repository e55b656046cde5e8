import type { Catalogue, CatalogueSource, ManifestPage, PublishedModel, SearchRow } from "../../client/src/index.ts";
import { cardList, picture } from "./cards.ts";
import { h, httpsUrl } from "./dom.ts";
import { commercialLabel, formatBytes, formatCount, formatDay, sourceName } from "./format.ts";
import { levelLabel } from "./level.ts";
import { modelLink, pageLink, searchLink } from "./route.ts";
import { variantList } from "./variants.ts";

const COMMERCIAL_NOTE =
  "Commercial use is about the weights, as far as the licences of the model and of what it was made of are known. " +
  "It is evidence, not legal advice: read the licence.";

/** What a view shows, and its title. */
export interface View {
  title: string;
  content: HTMLElement[];
}

/** Return the filter that a source starts with: the default one, else the first that is published. */
export function firstFilter(catalogue: Catalogue, source: string): string {
  const filters = catalogue.index().manifests.filter((manifest) => manifest.source === source);
  const first = filters.find(({ filter }) => filter === "default") ?? filters[0];
  return first?.filter ?? "default";
}

/** Return the page of a manifest with the links of its options. */
export function pageView(catalogue: Catalogue, page: ManifestPage): View {
  const { sources, manifests } = catalogue.index();
  const source = sources.find((other) => other.source === page.source);
  const summary = manifests.find((other) => other.source === page.source && other.filter === page.filter);
  const title = `${sourceName(page.source)}: ${page.label}`;
  const status = `${summary?.status_text ?? ""} Updated ${formatDay(page.updated)}.`;
  return {
    title,
    content: [
      sourceTabs(catalogue, page.source),
      h(
        "nav",
        { class: "filters", "aria-label": "Filters" },
        ...(source ? axes(source, page) : []),
        allLists(catalogue, page),
      ),
      h("h1", {}, page.label),
      h("p", { class: summary?.status === "stale" ? "status stale" : "status" }, status.trim()),
      cardList(page.models),
    ],
  };
}

function sourceTabs(catalogue: Catalogue, current: string): HTMLElement {
  const links = catalogue.index().sources.map(({ source }) => {
    const href = pageLink(source, firstFilter(catalogue, source));
    return h("a", { href, "aria-current": source === current && "true" }, sourceName(source));
  });
  return h("nav", { class: "tabs", "aria-label": "Sources" }, ...links);
}

/** Return links to all pages of a source: not each is one option away from another. */
function allLists(catalogue: Catalogue, page: ManifestPage): HTMLElement {
  const lists = catalogue.index().manifests.filter(({ source }) => source === page.source);
  const links = lists.map(({ source, filter, label, count }) => {
    const isCurrent = filter === page.filter;
    const link = h("a", { href: pageLink(source, filter), "aria-current": isCurrent && "true" }, label);
    return h("li", {}, link, h("span", { class: "count" }, String(count)));
  });
  return h("details", {}, h("summary", {}, `All ${lists.length} lists`), h("ul", { class: "lists" }, ...links));
}

/** Return a row of links for each axis; an option without a manifest is text, not a link. */
function axes({ axes }: CatalogueSource, page: ManifestPage): HTMLElement[] {
  return axes.map(({ axis, options }) => {
    const links = options.map(({ option, label, models }) => {
      const filter = page.links[axis]?.[option] ?? null;
      if (filter === null)
        return h("span", { class: "option", "aria-disabled": "true", title: "No list has this combination" }, label);
      const isCurrent = filter === page.filter;
      const title = `${models} models`;
      return h(
        "a",
        { class: "option", href: pageLink(page.source, filter), "aria-current": isCurrent && "true", title },
        label,
      );
    });
    const name = axis.charAt(0).toUpperCase() + axis.slice(1);
    return h("div", { class: "axis", role: "group", "aria-label": name }, h("span", { class: "name" }, name), ...links);
  });
}

/** Return all that is known of a model. */
export function modelView(catalogue: Catalogue, model: PublishedModel): View {
  const url = httpsUrl(model.url);
  const { manifests } = catalogue.index();
  const ranks = model.manifests.map(({ filter, rank }) => {
    const summary = manifests.find((other) => other.source === model.source && other.filter === filter);
    return h("li", {}, h("a", { href: pageLink(model.source, filter) }, summary?.label ?? filter), ` #${rank}`);
  });
  const tags = (model.tags ?? []).map((tag) => h("li", {}, h("a", { href: searchLink(tag) }, tag)));
  return {
    title: model.name,
    content: [
      h(
        "article",
        { class: "model" },
        model.image ? picture(model.image) : null,
        h(
          "div",
          { class: "text" },
          h(
            "p",
            { class: "origin" },
            h("a", { href: pageLink(model.source, firstFilter(catalogue, model.source)) }, sourceName(model.source)),
          ),
          h("h1", {}, model.name),
          model.author !== null && h("p", { class: "author" }, model.author),
          url !== null &&
            h(
              "p",
              {},
              h("a", { class: "button", href: url, rel: "noopener noreferrer" }, `View on ${sourceName(model.source)}`),
            ),
          h("dl", {}, ...facts(model).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
          model.commercial !== undefined && h("p", { class: "note" }, COMMERCIAL_NOTE),
          tags.length > 0 && h("ul", { class: "tags", "aria-label": "Tags" }, ...tags),
          ...(model.variants?.length ? [h("h2", {}, "Variants"), variantList(model.source, model.variants)] : []),
          h("h2", {}, "In these lists"),
          h("ul", { class: "ranks" }, ...ranks),
        ),
      ),
    ],
  };
}

function facts(model: PublishedModel): [string, string][] {
  const { id, type, base, size, parameters, level, level_most, license, commercial, gated, file_bytes } = model;
  const access = gated === true || typeof gated === "string" ? "On request" : gated === false ? "Open" : null;
  const range =
    level && level_most && level !== level_most
      ? `${levelLabel(level)} to ${levelLabel(level_most)}`
      : level && levelLabel(level);
  const rows: [string, string | null | undefined][] = [
    ["Id", id],
    ["Type", type],
    ["Base model", base],
    ["Parameters", parameters ? formatCount(parameters) : null],
    ["Size", size],
    ["Content", range],
    ["Licence", license],
    ["Commercial use", commercial === undefined ? null : (commercialLabel(commercial) ?? "unknown")],
    ["Access", access],
    ["File", file_bytes ? formatBytes(file_bytes) : null],
    ["Downloads", model.downloads === null ? null : model.downloads.toLocaleString("en")],
    ["Likes", model.likes === null ? null : model.likes.toLocaleString("en")],
    ["Updated", model.updated && formatDay(model.updated)],
    ["Created", model.created && formatDay(model.created)],
  ];
  return rows.filter((row): row is [string, string] => Boolean(row[1]));
}

/** Return the models that match a query. */
export function searchView(query: string, rows: readonly SearchRow[], limit: number): View {
  const items = rows.map(({ source, id, name, author }) =>
    h(
      "li",
      {},
      h("a", { href: modelLink(source, id) }, name),
      h("span", { class: "author" }, [author, sourceName(source)].filter(Boolean).join(" · ")),
    ),
  );
  const found = rows.length === 1 ? "1 model." : `${rows.length} models, best first.`;
  const count = rows.length === limit ? `The best ${limit} models.` : rows.length === 0 ? "No model matches all words." : found;
  return {
    title: `Search: ${query}`,
    content: [
      h("h1", {}, `Search: ${query}`),
      h("p", { class: "status" }, count),
      h("ol", { class: "results" }, ...items),
    ],
  };
}

/** Return a message with a way on. */
export function messageView(title: string, text: string): View {
  return { title, content: [h("h1", {}, title), h("p", {}, text), h("p", {}, h("a", { href: "#/" }, "All models"))] };
}
