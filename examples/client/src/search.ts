import type { SearchRow } from "./catalogue.d.ts";

interface Document {
  row: SearchRow;
  name: string;
  id: string;
  author: string;
  tags: string[];
}

/** Finds models by words: each word of a query must occur in the name, the id, the author or a tag. */
export class SearchIndex {
  readonly #documents: Document[];

  constructor(rows: readonly SearchRow[]) {
    this.#documents = rows.map((row) => ({
      row,
      name: normalize(row.name),
      id: normalize(row.id),
      author: normalize(row.author ?? ""),
      tags: (row.tags ?? []).map(normalize),
    }));
  }

  /** Return the rows that match best, best first; of equal ones the shortest name. */
  find(query: string, limit: number): SearchRow[] {
    const words = normalize(query).split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    return this.#documents
      .map((document) => ({ document, score: score(document, words) }))
      .filter(({ score }) => score > 0)
      .sort((left, right) => right.score - left.score || left.document.name.length - right.document.name.length)
      .slice(0, limit)
      .map(({ document }) => document.row);
  }
}

/** Return text in lower case and without accents. */
function normalize(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Return how well all words match: 0 if one does not occur. */
function score(document: Document, words: readonly string[]): number {
  let total = 0;
  for (const word of words) {
    const points = wordScore(document, word);
    if (points === 0) return 0;
    total += points;
  }
  return total;
}

function wordScore({ name, id, author, tags }: Document, word: string): number {
  if (name === word) return 16;
  if (name.startsWith(word)) return 8;
  const index = name.indexOf(word);
  if (index > 0) return /[\p{L}\p{N}]/u.test(name.charAt(index - 1)) ? 3 : 6;
  if (author.startsWith(word)) return 4;
  if (tags.includes(word)) return 2;
  return id.includes(word) || author.includes(word) || tags.some((tag) => tag.includes(word)) ? 1 : 0;
}
