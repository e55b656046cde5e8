/** The levels of content, mildest first. */
export const LEVELS = ["pg", "pg13", "r", "x", "xxx"] as const;
const LABELS: Record<string, string> = { pg: "PG", pg13: "PG-13", r: "R", x: "X", xxx: "XXX" };
const KEY = "images up to";

export function levelLabel(level: string): string {
  return Object.hasOwn(LABELS, level) ? LABELS[level]! : level;
}

/** Return whether content of a level exceeds what the visitor chose; an unknown level does. */
export function isAbove(level: string, chosen: string): boolean {
  const rank = (LEVELS as readonly string[]).indexOf(level);
  return rank < 0 || rank > (LEVELS as readonly string[]).indexOf(chosen);
}

/** Return the most explicit level of images that the visitor chose to see. */
export function chosenLevel(): string {
  try {
    const stored = localStorage.getItem(KEY) ?? "";
    return (LEVELS as readonly string[]).includes(stored) ? stored : LEVELS[0];
  } catch {
    return LEVELS[0]; // the browser may forbid storage
  }
}

export function chooseLevel(level: string): void {
  try {
    localStorage.setItem(KEY, level);
  } catch {
    // It lasts for this visit only.
  }
}
