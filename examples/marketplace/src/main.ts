import { type Catalogue, type ManifestPage, openCatalogue } from "../../client/src/index.ts";
import { byId, h } from "./dom.ts";
import { formatDay } from "./format.ts";
import { chooseLevel, chosenLevel, levelLabel, LEVELS } from "./level.ts";
import { pageLink, parseRoute, searchLink } from "./route.ts";
import { firstFilter, messageView, modelView, pageView, searchView, type View } from "./views.ts";

const CHECKS = {
  signature: "Signature and hashes checked.",
  hashes: "Hashes checked.",
  nothing: "Nothing is checked, since this page was not opened by https.",
};
const MAX_RESULTS = 50;
const content = byId("content");
const input = byId("search").querySelector("input")!;
let catalogue: Catalogue;
let rendering = 0;

function config(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
}

async function open(): Promise<Catalogue> {
  const x = config("catalogue-key");
  const base = new URL(config("catalogue"), document.baseURI).href;
  return openCatalogue(base, x ? { publicKey: { kty: "OKP", crv: "Ed25519", x } } : {});
}

async function view(): Promise<View> {
  const route = parseRoute(location.hash);
  if (route.view === "search") {
    return searchView(route.query, await catalogue.search(route.query, MAX_RESULTS), MAX_RESULTS);
  }
  if (route.view === "model") {
    const model = await catalogue.model(route.source, route.id);
    return model ? modelView(catalogue, model) : messageView("Not found", `${route.id} is in no list any more.`);
  }
  const source = route.view === "page" ? route.source : (catalogue.index().sources[0]?.source ?? "");
  const page = await nearestPage(source, route.view === "page" ? route.filter : firstFilter(catalogue, source));
  return page ? pageView(catalogue, page) : messageView("Not found", "This list is not published any more.");
}

/** Return a page or, if its filter has no manifest any more, the one of its first options that has. */
async function nearestPage(source: string, filter: string): Promise<ManifestPage | null> {
  const page = await catalogue.page(source, filter);
  const first = firstFilter(catalogue, source);
  if (page || filter === first) return page;
  const fewer = filter.split("/").slice(0, -1).join("/") || first;
  history.replaceState(history.state, "", pageLink(source, fewer));
  return nearestPage(source, fewer);
}

/** Show the view that the address names; of several at a time, the last. */
async function render(): Promise<void> {
  const turn = ++rendering;
  content.setAttribute("aria-busy", "true");
  const { title, content: elements } = await view().catch((error: Error) =>
    messageView("This cannot be shown", error.message),
  );
  if (turn !== rendering) return;
  content.replaceChildren(...elements);
  content.removeAttribute("aria-busy");
  document.title = `${title} · Models`;
  showState();
}

/** Show what failed, how old the data is, and what was checked. */
function showState(): void {
  const problems = byId("problems");
  const date = formatDay(catalogue.generated);
  problems.hidden = catalogue.problems.length === 0;
  problems.replaceChildren(
    h("strong", {}, "Not all went well: what is shown may not be the newest."),
    ...catalogue.problems.map((problem) => h("span", {}, problem)),
  );
  byId("state").replaceChildren(
    h("span", {}, `Data of ${date}.`),
    " ",
    h("span", { id: "checks" }, CHECKS[catalogue.checks]),
  );
}

/** Show another view, from its top; when the visitor comes back, from where it was left. */
async function navigate(): Promise<void> {
  const position = (history.state as { position?: number } | null)?.position;
  const route = parseRoute(location.hash);
  if (route.view !== "search") input.value = "";
  else if (document.activeElement !== input) input.value = route.query;
  await render();
  scrollTo(0, position ?? 0);
  if (document.activeElement !== input && position === undefined) content.focus({ preventScroll: true });
}

async function refresh(): Promise<void> {
  if (document.visibilityState === "visible" && catalogue.isDue) {
    const isNew = await catalogue.refresh();
    await (isNew ? render() : showState());
  }
}

function search(): void {
  const hash = input.value.trim() ? searchLink(input.value.trim()) : "#/";
  if (parseRoute(location.hash).view !== "search") {
    location.hash = hash;
  } else {
    history.replaceState(null, "", hash);
    void render();
  }
}

/** Call a function when its event has not occurred for some milliseconds. */
function debounced(wait_ms: number, call: () => void): () => void {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, wait_ms);
  };
}

function listen(): void {
  const select = byId<HTMLSelectElement>("level");
  select.append(...LEVELS.map((level) => h("option", { value: level }, levelLabel(level))));
  select.value = chosenLevel();
  select.addEventListener("change", () => {
    chooseLevel(select.value);
    void render();
  });
  history.scrollRestoration = "manual";
  addEventListener("hashchange", () => void navigate());
  addEventListener(
    "scroll",
    debounced(100, () => history.replaceState({ position: scrollY }, "")),
  );
  input.addEventListener("input", debounced(150, search));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    }
  });
  document.addEventListener("visibilitychange", () => void refresh());
  setInterval(() => void refresh(), 60_000);
}

try {
  catalogue = await open();
  listen();
  await navigate();
} catch (error) {
  const again = h("button", { type: "button", class: "button" }, "Try again");
  again.addEventListener("click", () => location.reload());
  content.replaceChildren(
    h("h1", {}, "The catalogue cannot be loaded"),
    h("p", {}, (error as Error).message),
    h("p", {}, again),
  );
}
