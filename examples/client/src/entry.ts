import type { CatalogueEntry } from "./catalogue.d.ts";
import { parseJson } from "./files.ts";
import { CatalogueError } from "./verify.ts";

export const ENTRY = "entry.json";
const VERSION = 1;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Return the entry of a catalogue; its unknown keys are ignored. */
export function parseEntry(content: Uint8Array): CatalogueEntry {
  const entry = parseJson(ENTRY, content) as Record<string, unknown> | null;
  if (typeof entry?.version !== "number") throw new CatalogueError(`${ENTRY}: is not the entry of a catalogue`);
  if (entry.version !== VERSION) {
    throw new CatalogueError(`${ENTRY}: has version ${entry.version}, and this client reads version ${VERSION}`);
  }
  const { generated, max_age_s, index, models, search } = entry;
  const isComplete = [index, models, search].every(isReference) && typeof max_age_s === "number";
  if (!isComplete || typeof generated !== "string" || !TIME.test(generated)) {
    throw new CatalogueError(`${ENTRY}: lacks a key that version ${VERSION} has`);
  }
  return entry as unknown as CatalogueEntry;
}

function isReference(value: unknown): boolean {
  const { file, sha256, bytes } = (value ?? {}) as Record<string, unknown>;
  return typeof file === "string" && typeof sha256 === "string" && typeof bytes === "number";
}

/** Return the name of the file that has the signature of an entry, by the entry's SHA-256. */
export function signatureName(sha256: string): string {
  return `entry.${sha256.slice(0, 16)}.jws`;
}
