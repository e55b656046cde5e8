// Which view is shown: the hash says it. The views of the page are all there; the others are hidden.

/** @typedef {{ title: string, heading: HTMLElement }} Shown */

/** @type {Record<string, (route: Route) => Shown>} */
const SHOW = { overview: showStatic, filters: showFilters, models: showModels, health: showStatic };

/**
 * Show a view that the templates wrote, or a section of it.
 * @param {Route} route
 * @returns {Shown}
 */
function showStatic({ view, parts }) {
  const title = view === "health" ? "Health" : "Overview";
  return { title, heading: document.getElementById(`/${[view, ...parts].join("/")}`)?.closest("h3") ?? byId(view) };
}

/** Show what the address of the page names; return its heading. */
function showView() {
  const route = parseRoute(location.hash);
  for (const view of VIEWS) byId(`/${view}`).hidden = view !== route.view;
  for (const link of document.querySelectorAll("nav[aria-label=Views] a")) {
    if (link.getAttribute("href") === `#/${route.view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const { title, heading } = /** @type {(route: Route) => Shown} */ (SHOW[route.view])(route);
  document.title = `${title} · Model manifests · ${document.body.dataset.title}`;
  return heading;
}

/**
 * Show the address and move the focus to its heading.
 * @param {number | null} top where to scroll to; null for the heading
 */
function navigate(top) {
  clearTimeout(scrollTimer);
  const heading = showView();
  heading.focus({ preventScroll: true });
  if (top === null && heading.tagName === "H3") heading.scrollIntoView();
  else scrollTo(0, top ?? 0);
}

/** @param {MouseEvent} event */
function followLink(event) {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const href = link?.getAttribute("href") ?? "";
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || !href.startsWith("#"))
    return;
  event.preventDefault();
  if (!href.startsWith("#/")) return byId(href.slice(1)).focus();
  rememberScroll();
  history.pushState({ top: 0 }, "", href);
  navigate(null);
}

/** Remember in the entry of the history where it is scrolled to. */
function rememberScroll() {
  history.replaceState({ top: scrollY }, "");
}

function rememberScrollSoon() {
  clearTimeout(scrollTimer);
  scrollTimer = setTimeout(rememberScroll, 150);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let scrollTimer;

/** @param {Event} event */
function toggleNames(event) {
  areNamesShown = !areNamesShown;
  /** @type {HTMLElement} */ (event.currentTarget).setAttribute("aria-pressed", String(areNamesShown));
  showView();
}

function start() {
  document.documentElement.classList.add("ready");
  history.scrollRestoration = "manual";
  startFilters();
  startModels();
  document.getElementById("names")?.addEventListener("click", toggleNames);
  document.addEventListener("click", followLink);
  addEventListener("popstate", (event) => navigate(event.state?.top ?? null));
  addEventListener("scroll", rememberScrollSoon, { passive: true });
  const heading = showView();
  const top = history.state?.top;
  if (top) scrollTo(0, top);
  else if (heading.tagName === "H3") heading.scrollIntoView();
  requestAnimationFrame(() => setTimeout(searchEntries)); // so that the first search is as fast as the others
}

start();
