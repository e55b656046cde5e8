import type { CatalogueEntry, CatalogueIndex, ModelShards } from "./catalogue.d.ts";
import { ENTRY, parseEntry, signatureName } from "./entry.ts";
import type { Files } from "./files.ts";
import { canVerify, CatalogueError, checkSignature, sha256 } from "./verify.ts";

/** An entry with its index: everything else is found from them. */
export interface Publication {
  content: Uint8Array;
  entry: CatalogueEntry;
  index: CatalogueIndex;
}

// The entries that passed last, in the storage.
const CURRENT = "current.json";
const PREVIOUS = "previous.json";

/** The publication in use and the one before; a new one replaces them if it passes every check. */
export class Publications {
  current: Publication | undefined;
  readonly #files: Files;
  readonly #publicKey: JsonWebKey | undefined;
  readonly #report: (error: unknown) => void;
  #previous: Promise<Publication | undefined> | undefined;
  #newest = ""; // `generated` of the newest entry that passed; it outlives a publication whose index is lost

  constructor(files: Files, publicKey: JsonWebKey | undefined, report: (error: unknown) => void) {
    this.#files = files;
    this.#publicKey = publicKey;
    this.#report = report;
  }

  /** Load the publication that the storage has from an earlier visit, if any. */
  async restore(): Promise<void> {
    this.current = await this.#stored(CURRENT);
  }

  /** Return the publication before the current one; undefined if the storage does not have it. */
  previous(): Promise<Publication | undefined> {
    this.#previous ??= this.#stored(PREVIOUS);
    return this.#previous;
  }

  /** Fetch the entry; if it is new, check it and its index, and use them. Return whether it is new. */
  async update(): Promise<boolean> {
    const content = await this.#files.latest(ENTRY);
    if (this.current && areEqual(content, this.current.content)) return false;
    const entry = await this.#verify(content);
    if (entry.generated < this.#newest) {
      throw new CatalogueError(`${ENTRY}: is of ${entry.generated}, older than that of ${this.#newest} seen before`);
    }
    await this.#accept(await this.#complete(content, entry));
    return true;
  }

  async #accept(publication: Publication): Promise<void> {
    const replaced = this.current;
    if (replaced) {
      await this.#files.keep(PREVIOUS, replaced.content);
      this.#previous = Promise.resolve(replaced);
    }
    await this.#files.keep(CURRENT, publication.content);
    this.current = publication;
    this.#newest = publication.entry.generated;
    await this.#prune(replaced ? [publication, replaced] : [publication]);
  }

  async #stored(name: string): Promise<Publication | undefined> {
    const content = await this.#files.stored(name);
    if (content === undefined) return undefined;
    try {
      const entry = await this.#verify(content);
      if (entry.generated > this.#newest) this.#newest = entry.generated;
      return await this.#complete(content, entry);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  async #verify(content: Uint8Array): Promise<CatalogueEntry> {
    const entry = parseEntry(content);
    if (this.#publicKey) await this.#checkSignature(content, this.#publicKey);
    return entry;
  }

  async #checkSignature(content: Uint8Array, key: JsonWebKey): Promise<void> {
    if (!canVerify) throw new CatalogueError(`${ENTRY}: its signature can be checked on https only`);
    const name = signatureName(await sha256(content));
    const check = (signature: Uint8Array) => checkSignature(name, signature, content, key);
    const stored = await this.#files.stored(name);
    if (
      stored &&
      (await check(stored).then(
        () => true,
        () => false,
      ))
    )
      return;
    const signature = await this.#files.latest(name);
    await check(signature);
    await this.#files.keep(name, signature);
  }

  async #complete(content: Uint8Array, entry: CatalogueEntry): Promise<Publication> {
    return { content, entry, index: await this.#files.json<CatalogueIndex>(entry.index) };
  }

  /** Remove from the storage what neither of these publications has. */
  async #prune(publications: readonly Publication[]): Promise<void> {
    const kept = new Set<string>([CURRENT, PREVIOUS]);
    for (const { content, entry, index } of publications) {
      if (this.#publicKey) kept.add(signatureName(await sha256(content)));
      const models = await this.#files.stored(entry.models.file);
      const shards = models ? Object.values((await this.#files.json<ModelShards>(entry.models)).shards) : [];
      const references = [entry.index, entry.models, entry.search, ...index.manifests, ...shards];
      references.forEach(({ file }) => kept.add(file));
    }
    await this.#files.prune(kept);
  }
}

function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
