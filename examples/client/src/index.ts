import type {
  CatalogueIndex,
  ManifestPage,
  ModelShard,
  ModelShards,
  PublishedModel,
  SearchRow,
  SearchRows,
} from "./catalogue.d.ts";
import { ENTRY } from "./entry.ts";
import { Files } from "./files.ts";
import { type Publication, Publications } from "./publications.ts";
import { SearchIndex } from "./search.ts";
import { defaultStorage, type FileStorage } from "./storage.ts";
import { canVerify, CatalogueError, sha256 } from "./verify.ts";

export type * from "./catalogue.d.ts";
export { MemoryStorage } from "./storage.ts";
export { CatalogueError, type FileStorage };

export interface CatalogueOptions {
  /** The publisher's Ed25519 key. With it, only a signed catalogue is used, and none where it cannot be checked. */
  publicKey?: JsonWebKey;
  /** Where files are kept between visits; without one, in the browser's Cache Storage, else in memory. */
  storage?: FileStorage;
  fetch?: typeof fetch;
}

/**
 * Open the catalogue in a folder such as https://example.org/v1/: the newest publication or, if that cannot be used, the
 * last one that could (see `problems`).
 *
 * @throws CatalogueError if there is neither.
 */
export async function openCatalogue(baseUrl: string, options: CatalogueOptions = {}): Promise<Catalogue> {
  const catalogue = new Catalogue(baseUrl, options);
  await catalogue.open();
  return catalogue;
}

export class Catalogue {
  /** What failed since the last `refresh` began, in sentences that name the file. */
  readonly problems: string[] = [];
  /** What is checked: the publisher's signature and hashes, hashes, or nothing (no https). */
  readonly checks: "signature" | "hashes" | "nothing";

  readonly #files: Files;
  readonly #publications: Publications;
  readonly #searches = new WeakMap<SearchRows, SearchIndex>();
  #checkedAt = 0;

  constructor(baseUrl: string, { publicKey, storage, fetch: fetcher }: CatalogueOptions) {
    const base = baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`;
    const report = (error: unknown) => this.#report(error);
    this.checks = !canVerify ? "nothing" : publicKey ? "signature" : "hashes";
    this.#files = new Files(base, storage ?? defaultStorage(base), fetcher ?? ((...args) => fetch(...args)), report);
    this.#publications = new Publications(this.#files, publicKey, report);
  }

  /** When the newest data of this catalogue came. */
  get generated(): string {
    return this.#current.entry.generated;
  }

  /** Whether the publisher wants clients to look for news by now. */
  get isDue(): boolean {
    return Date.now() - this.#checkedAt >= this.#current.entry.max_age_s * 1000;
  }

  /** Return the sources with their axes, and all manifests. */
  index(): CatalogueIndex {
    return this.#current.index;
  }

  /** Return the page of a manifest; null if it is not published. */
  page(source: string, filter: string): Promise<ManifestPage | null> {
    return this.#read(async ({ index }) => {
      const manifest = index.manifests.find((other) => other.source === source && other.filter === filter);
      return manifest ? this.#files.json<ManifestPage>(manifest) : null;
    });
  }

  /** Return a model with the manifests that have it; null if it is not published. */
  model(source: string, id: string): Promise<PublishedModel | null> {
    return this.#read(async ({ entry }) => {
      const { prefix_length, shards } = await this.#files.json<ModelShards>(entry.models);
      const digest = canVerify ? await sha256(new TextEncoder().encode(id)) : undefined;
      for (const [prefix, reference] of Object.entries(shards)) {
        // Without WebCrypto, any shard may have it.
        if (digest !== undefined && prefix !== digest.slice(0, prefix_length)) continue;
        const { models } = await this.#files.json<ModelShard>(reference);
        const model = models.find((other) => other.source === source && other.id === id);
        if (model) return model;
      }
      return null;
    });
  }

  /** Return the models that match all words of a query, best first. */
  async search(query: string, limit = 50): Promise<SearchRow[]> {
    const rows = await this.#read(({ entry }) => this.#files.json<SearchRows>(entry.search));
    const index = this.#searches.get(rows) ?? new SearchIndex(rows.rows);
    this.#searches.set(rows, index);
    return index.find(query, limit);
  }

  /**
   * Look for a newer publication, by one conditional request; return whether there is one. If it cannot be used, the
   * current one stays, and `problems` has the reason.
   */
  refresh(): Promise<boolean> {
    this.problems.length = 0;
    return this.#update();
  }

  /** Use what the storage has, then look for a newer publication. */
  async open(): Promise<void> {
    await this.#publications.restore();
    await this.refresh();
    this.index(); // fails without a publication
  }

  /** Read from the current publication or, if that fails, from a newer one, else from the one before. */
  async #read<T>(read: (publication: Publication) => Promise<T>): Promise<T> {
    try {
      return await read(this.#current);
    } catch (error) {
      // The server may have removed the files of this publication meanwhile.
      if (await this.#update()) return this.#read(read);
      this.#report(error);
      const previous = await this.#publications.previous();
      const value = previous ? await read(previous).catch(() => null) : null;
      if (value === null) throw error;
      return value;
    }
  }

  /** Fetch the entry; return whether it is new and can be used. */
  async #update(): Promise<boolean> {
    this.#checkedAt = Date.now();
    try {
      return await this.#publications.update();
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  get #current(): Publication {
    const { current } = this.#publications;
    if (current === undefined) throw new CatalogueError(this.problems.at(-1) ?? `${ENTRY}: is not loaded`);
    return current;
  }

  #report(error: unknown): void {
    const message = error instanceof CatalogueError ? error.message : String(error);
    if (!this.problems.includes(message)) this.problems.push(message);
  }
}
