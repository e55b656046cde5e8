/** A view, as the part of the address after `#` names it. */
export type Route =
  | { view: "page"; source: string; filter: string }
  | { view: "model"; source: string; id: string }
  | { view: "search"; query: string }
  | { view: "start" };

/** Return the view that an address names; the start if it names none. */
export function parseRoute(hash: string): Route {
  const [view = "", first = "", ...rest] = hash.replace(/^#\/?/, "").split("/").map(decode);
  if (view === "page" && first) return { view, source: first, filter: rest.join("/") || "default" };
  if (view === "model" && first && rest.length > 0) return { view, source: first, id: rest.join("/") };
  if (view === "search" && first) return { view, query: [first, ...rest].join("/") };
  return { view: "start" };
}

export function pageLink(source: string, filter: string): string {
  return `#/page/${source}/${filter}`;
}

export function modelLink(source: string, id: string): string {
  return `#/model/${source}/${id.split("/").map(encodeURIComponent).join("/")}`;
}

export function searchLink(query: string): string {
  return `#/search/${encodeURIComponent(query)}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
