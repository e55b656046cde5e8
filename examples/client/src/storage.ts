/** Where a client keeps files between visits, by their names in the catalogue. */
export interface FileStorage {
  get(name: string): Promise<Uint8Array | undefined>;
  put(name: string, content: Uint8Array): Promise<void>;
  names(): Promise<string[]>;
  delete(name: string): Promise<void>;
}

/** Keeps files as long as the program runs. */
export class MemoryStorage implements FileStorage {
  readonly #files = new Map<string, Uint8Array>();

  async get(name: string): Promise<Uint8Array | undefined> {
    return this.#files.get(name);
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    this.#files.set(name, content);
  }

  async names(): Promise<string[]> {
    return [...this.#files.keys()];
  }

  async delete(name: string): Promise<void> {
    this.#files.delete(name);
  }
}

/** Keeps files in the browser's Cache Storage, which exists on https and localhost only. */
class BrowserStorage implements FileStorage {
  readonly #base: string;
  readonly #cache: Promise<Cache>;

  constructor(base: string) {
    this.#base = base;
    this.#cache = caches.open(`catalogue ${base}`);
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const response = await (await this.#cache).match(this.#base + name);
    return response && new Uint8Array(await response.arrayBuffer());
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    await (await this.#cache).put(this.#base + name, new Response(content as BodyInit));
  }

  async names(): Promise<string[]> {
    return (await (await this.#cache).keys()).map((request) => request.url.slice(this.#base.length));
  }

  async delete(name: string): Promise<void> {
    await (await this.#cache).delete(this.#base + name);
  }
}

/** Return storage that outlives the page where there is one. */
export function defaultStorage(base: string): FileStorage {
  return "caches" in globalThis ? new BrowserStorage(base) : new MemoryStorage();
}
