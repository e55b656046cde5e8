const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const COMMERCIAL: Record<string, string> = {
  yes: "yes",
  conditions: "with conditions",
  no: "no",
};
const SOURCES: Record<string, string> = { huggingface: "Hugging Face", civitai: "CivitAI" };

/** Return 1234567 as 1.2M. */
export function formatCount(value: number): string {
  return compact.format(value);
}

/** Return a time as a day; as it is if it is not a time. */
export function formatDay(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : day.format(date);
}

export function formatBytes(bytes: number): string {
  const exponent = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 4);
  return `${(bytes / 1000 ** exponent).toFixed(exponent > 2 ? 1 : 0)} ${["B", "kB", "MB", "GB", "TB"][exponent]}`;
}

/** Return whether a model may be used commercially, in words; null if that is unknown. */
export function commercialLabel(verdict: string | undefined): string | null {
  return verdict !== undefined && Object.hasOwn(COMMERCIAL, verdict) ? COMMERCIAL[verdict]! : null;
}

/** Return the name of a source; of a new one, the name that it has in the files. */
export function sourceName(source: string): string {
  return Object.hasOwn(SOURCES, source) ? SOURCES[source]! : source;
}
