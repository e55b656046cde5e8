import type { CardImage, ModelCard } from "../../client/src/index.ts";
import { drawBlurhash } from "./blurhash.ts";
import { h, httpsUrl } from "./dom.ts";
import { commercialLabel, formatCount } from "./format.ts";
import { chosenLevel, isAbove, levelLabel } from "./level.ts";
import { modelLink } from "./route.ts";
import { variantCounts } from "./variants.ts";

/** Return the cards of models in order; with pictures if one of them has an image. */
export function cardList(models: readonly ModelCard[]): HTMLElement {
  const hasImages = models.some((model) => model.image);
  const items = models.map((model) => h("li", {}, card(model, hasImages)));
  return h("ol", { class: hasImages ? "cards with-images" : "cards" }, ...items);
}

function card(model: ModelCard, hasImage: boolean): HTMLElement {
  const { name, author, source, id } = model;
  const variants = variantCounts(model.variants ?? []);
  return h(
    "article",
    { class: "card" },
    hasImage && picture(model.image ?? null),
    h(
      "div",
      { class: "text" },
      h("h2", {}, h("a", { href: modelLink(source, id) }, name)),
      author !== null && h("p", { class: "author" }, author),
      h("ul", { class: "facts" }, ...facts(model).map((fact) => h("li", {}, fact))),
      variants !== "" && h("p", { class: "variants" }, `Variants: ${variants}`),
      counts(model),
    ),
  );
}

function facts({ level, size, parameters, license, commercial, base, type }: ModelCard): string[] {
  const use = commercialLabel(commercial);
  const parts = [
    level === undefined ? null : levelLabel(level),
    parameters ? formatCount(parameters) : size === "unknown" ? null : size,
    base ?? type,
    license,
    use && `Commercial use: ${use}`,
  ];
  return parts.filter((part): part is string => typeof part === "string" && part !== "");
}

function counts({ downloads, likes }: ModelCard): HTMLElement {
  return h(
    "p",
    { class: "counts" },
    downloads !== null && h("span", { title: `${downloads} downloads` }, "↓ ", formatCount(downloads)),
    likes !== null && h("span", { title: `${likes} likes` }, "♥ ", formatCount(likes)),
  );
}

/**
 * Return the image of a card over its blurhash. An image above the level that the visitor chose is not even fetched
 * until the visitor wants to see it.
 */
export function picture(image: CardImage | null): HTMLElement {
  const frame = h("div", { class: "picture" });
  const url = image ? httpsUrl(image.url) : null;
  if (image === null || url === null) return frame;
  const preview = image.blurhash === null ? null : drawBlurhash(image.blurhash);
  if (preview) frame.append(preview);
  if (!isAbove(image.level, chosenLevel())) {
    frame.append(remoteImage(url, image));
    return frame;
  }
  frame.classList.add("hidden");
  const button = h("button", { type: "button" }, `${levelLabel(image.level)} · Show`);
  button.addEventListener("click", () => {
    frame.classList.remove("hidden");
    button.replaceWith(remoteImage(url, image));
  });
  frame.append(button);
  return frame;
}

function remoteImage(url: string, { width, height }: CardImage): HTMLImageElement {
  const attributes = { loading: "lazy", decoding: "async", referrerpolicy: "no-referrer", alt: "", width, height };
  const img = h("img", attributes);
  img.addEventListener("load", () => img.classList.add("loaded"));
  img.addEventListener("error", () => img.remove());
  img.src = url; // after the attributes, which decide when it is fetched
  return img;
}
