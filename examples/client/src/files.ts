import type { FileReference } from "./catalogue.d.ts";
import type { FileStorage } from "./storage.ts";
import { CatalogueError, checkFile } from "./verify.ts";

const NAME = /^([a-z0-9-]+\/)?[a-z0-9-]+\.([0-9a-f]{16})\.(json|jws)$/;
const TIMEOUT_MS = 20_000;

/** The files of a catalogue: each is checked, and fetched only if the storage does not have it. */
export class Files {
  readonly #base: string;
  readonly #storage: FileStorage;
  readonly #fetch: typeof fetch;
  readonly #report: (error: unknown) => void;
  readonly #values = new Map<string, Promise<unknown>>();

  constructor(base: string, storage: FileStorage, fetcher: typeof fetch, report: (error: unknown) => void) {
    this.#base = base;
    this.#storage = storage;
    this.#fetch = fetcher;
    this.#report = report;
  }

  /** Return the value of a JSON file. */
  json<T>(reference: FileReference): Promise<T> {
    let value = this.#values.get(reference.file);
    if (value === undefined) {
      value = this.#read(reference).then((content) => parseJson(reference.file, content));
      value.catch(() => this.#values.delete(reference.file));
      this.#values.set(reference.file, value);
    }
    return value as Promise<T>;
  }

  /**
   * Fetch a file past all caches, unless its server confirms the cached one: `no-cache` makes the browser send the ETag
   * that it has. A header of our own would need a preflight request at another origin, and could not read the ETag.
   */
  latest(name: string): Promise<Uint8Array> {
    return this.#request(name, "no-cache");
  }

  /** Return a file from the storage; undefined if it does not have it. */
  async stored(name: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#storage.get(name);
    } catch (error) {
      this.#report(new CatalogueError(`${name}: cannot be read from the storage (${String(error)})`));
      return undefined;
    }
  }

  /** Keep a file for later visits; if the storage is full, it is shown all the same. */
  async keep(name: string, content: Uint8Array): Promise<void> {
    try {
      await this.#storage.put(name, content);
    } catch (error) {
      this.#report(new CatalogueError(`${name}: cannot be kept for later visits (${String(error)})`));
    }
  }

  /** Remove all other files from the storage. */
  async prune(kept: ReadonlySet<string>): Promise<void> {
    try {
      for (const name of await this.#storage.names()) {
        if (!kept.has(name)) await this.#storage.delete(name);
      }
    } catch (error) {
      this.#report(new CatalogueError(`old files cannot be removed from the storage (${String(error)})`));
    }
  }

  async #read(reference: FileReference): Promise<Uint8Array> {
    const { file, sha256 } = reference;
    if (NAME.exec(file)?.[2] !== sha256.slice(0, 16)) {
      throw new CatalogueError(`${file}: is not a name with the start of its SHA-256`);
    }
    const stored = await this.stored(file);
    if (stored !== undefined && (await isValid(reference, stored))) return stored;
    let content = await this.#request(file, "default");
    // A proxy or the browser may have cached a damaged copy, for a year: only the server's own decides.
    if (!(await isValid(reference, content))) content = await this.#request(file, "reload");
    await checkFile(reference, content);
    await this.keep(file, content);
    return content;
  }

  async #request(name: string, cache: RequestCache): Promise<Uint8Array> {
    let response: Response;
    try {
      response = await this.#fetch(this.#base + name, { cache, signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      throw new CatalogueError(`${name}: cannot be fetched (${String(error)})`);
    }
    throw new CatalogueError(`${name}: cannot be fetched (HTTP ${response.status})`);
  }
}

async function isValid(reference: FileReference, content: Uint8Array): Promise<boolean> {
  return checkFile(reference, content).then(
    () => true,
    () => false,
  );
}

/** Return the value of a JSON text. */
export function parseJson(name: string, content: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch {
    throw new CatalogueError(`${name}: is not JSON`);
  }
}
