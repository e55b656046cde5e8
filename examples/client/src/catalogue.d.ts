// Generated from schemas/site.schema.json by examples/types.mjs: do not edit.

/**
 * The files of version 1 of a published catalogue, by kind. Clients ignore unknown keys; keys are added, never changed. File names are relative to the folder of entry.json; absent facts are null.
 */
export interface CatalogueFiles {
  entry: CatalogueEntry;
  index: CatalogueIndex;
  page: ManifestPage;
  models: ModelShards;
  shard: ModelShard;
  search: SearchRows;
  changes: ChangeList;
  change_set: ChangeSet;
  [k: string]: unknown;
}
/**
 * entry.json, the only file that changes: where everything else is: `index` is a CatalogueIndex, `models` ModelShards, `search` SearchRows, `changes` a ChangeList.
 */
export interface CatalogueEntry {
  /**
   * Changes only with the folder: v1 has 1.
   */
  version: 1;
  /**
   * When the newest data came.
   */
  generated: string;
  index: FileReference;
  models: FileReference;
  search: FileReference;
  changes: FileReference;
  tables: TableFiles;
  /**
   * Seconds after which a client fetches entry.json again.
   */
  max_age_s: number;
  /**
   * The entries of earlier publications whose files are still there, newest first.
   */
  previous: string[];
  [k: string]: unknown;
}
/**
 * The catalogue as tables: in SQLite the published models and the manifests that have them; in Parquet all models, null where the publisher does not make it.
 */
export interface TableFiles {
  sqlite: FileReference;
  parquet: FileReference | null;
  [k: string]: unknown;
}
/**
 * Every manifest, and the axes (facets) by which visitors filter.
 */
export interface CatalogueIndex {
  sources: CatalogueSource[];
  manifests: ManifestSummary[];
  [k: string]: unknown;
}
/**
 * An API that models come from.
 */
export interface CatalogueSource {
  /**
   * huggingface or civitai. More may come.
   */
  source: string;
  /**
   * In the order of filters.
   */
  axes: CatalogueAxis[];
  [k: string]: unknown;
}
export interface CatalogueAxis {
  axis: string;
  /**
   * The first is the default.
   */
  options: CatalogueOption[];
  [k: string]: unknown;
}
export interface CatalogueOption {
  option: string;
  /**
   * What a visitor reads.
   */
  label: string;
  /**
   * How many models the manifests with this option have together.
   */
  models: number;
  [k: string]: unknown;
}
export interface ManifestSummary {
  /**
   * huggingface or civitai. More may come.
   */
  source: string;
  /**
   * Its non-default options in the order of the axes, such as likes/small; or default.
   */
  filter: string;
  /**
   * What a visitor reads.
   */
  label: string;
  /**
   * Its ManifestPage.
   */
  file: string;
  sha256: string;
  bytes: number;
  /**
   * Models in it.
   */
  count: number;
  /**
   * When its data came.
   */
  updated: string;
  /**
   * full; short: fewer models than it may have; empty; or stale: its source could not be read lately. More values may come.
   */
  status: string;
  /**
   * The same as a sentence for visitors.
   */
  status_text: string;
  [k: string]: unknown;
}
/**
 * The models of one manifest, in order, and where each option leads.
 */
export interface ManifestPage {
  /**
   * huggingface or civitai. More may come.
   */
  source: string;
  /**
   * Its non-default options in the order of the axes, such as likes/small; or default.
   */
  filter: string;
  /**
   * What a visitor reads.
   */
  label: string;
  /**
   * When its data came.
   */
  updated: string;
  models: ModelCard[];
  /**
   * By axis and option, the filter with this option in place of the page's own; null where no manifest has it.
   */
  links: {
    [k: string]: {
      [k: string]: string | null;
    };
  };
  [k: string]: unknown;
}
/**
 * What a card of a model shows. A source that does not have a key leaves it out.
 */
export interface ModelCard {
  /**
   * The id that the source knows the model by.
   */
  id: string;
  /**
   * The id with / as --, fit for a path.
   */
  slug: string;
  name: string;
  /**
   * huggingface or civitai. More may come.
   */
  source: string;
  /**
   * Null if unknown.
   */
  author: string | null;
  /**
   * The task or kind, as the source spells it.
   */
  type: string | null;
  /**
   * Of the last 30 days (Hugging Face), or of all time (CivitAI).
   */
  downloads: number | null;
  /**
   * Null if unknown.
   */
  likes: number | null;
  /**
   * The licence id.
   */
  license: string | null;
  /**
   * Whether access must be requested: false, auto or manual; null if the source does not say.
   */
  gated: boolean | string | null;
  /**
   * ISO 8601, as the source gave it.
   */
  updated: string | null;
  /**
   * ISO 8601, as the source gave it.
   */
  created: string | null;
  /**
   * Its page at the source.
   */
  url: string;
  /**
   * The first 20.
   */
  tags: string[] | null;
  /**
   * Class of the number of parameters: small, medium, large or unknown.
   */
  size?: string;
  /**
   * Null if unknown.
   */
  parameters?: number | null;
  /**
   * What the size was decided from.
   */
  size_from?: string;
  /**
   * The mildest content that it shows: pg, pg13, r, x or xxx.
   */
  level?: string;
  /**
   * The most explicit content that it shows.
   */
  level_most?: string;
  /**
   * Whether it is flagged as mature.
   */
  flagged?: boolean;
  /**
   * Its base model.
   */
  base?: string | null;
  /**
   * Whether its weights may be used commercially, by its licences and those of what it was made of: yes, conditions, no or unknown. Evidence, not legal advice.
   */
  commercial?: string;
  /**
   * Size of its primary weights.
   */
  file_bytes?: number | null;
  /**
   * An example, no more explicit than the page allows; null if absent.
   */
  image?: CardImage | null;
  /**
   * The models at the end of whose chain of base models it is, most first; empty without any. Not every source knows them.
   */
  variants?: CardVariant[];
  [k: string]: unknown;
}
/**
 * Models that were made of one model in the same way, published or not.
 */
export interface CardVariant {
  /**
   * finetune, merge, quantized, adapter or unknown. More values may come.
   */
  relation: string;
  /**
   * Of their weights, such as gguf, mlx, awq, gptq, fp8 or onnx; null for the usual one.
   */
  format: string | null;
  /**
   * How many there are.
   */
  models: number;
  /**
   * Ids of the published ones with the most downloads, at most 3, most first.
   */
  top: string[];
  [k: string]: unknown;
}
export interface CardImage {
  /**
   * 450 pixels wide.
   */
  url: string;
  /**
   * Of the original.
   */
  width: number | null;
  /**
   * Of the original.
   */
  height: number | null;
  /**
   * pg, pg13, r, x or xxx.
   */
  level: string;
  /**
   * Null if unknown.
   */
  blurhash: string | null;
  [k: string]: unknown;
}
/**
 * The file of a model: the one whose key is the first `prefix_length` hex digits of the SHA-256 of its id.
 */
export interface ModelShards {
  prefix_length: number;
  /**
   * Published models.
   */
  count: number;
  shards: {
    [k: string]: FileReference;
  };
  [k: string]: unknown;
}
/**
 * Some of the published models, each once, sorted by source and id.
 */
export interface ModelShard {
  models: PublishedModel[];
  [k: string]: unknown;
}
/**
 * A model, and the manifests that have it.
 */
export interface PublishedModel extends ModelCard {
  manifests: ManifestPosition[];
  [k: string]: unknown;
}
export interface ManifestPosition {
  /**
   * Its non-default options in the order of the axes, such as likes/small; or default.
   */
  filter: string;
  /**
   * From 1.
   */
  rank: number;
  [k: string]: unknown;
}
/**
 * Every published model once, sorted by source and id.
 */
export interface SearchRows {
  rows: SearchRow[];
  [k: string]: unknown;
}
export interface SearchRow {
  /**
   * huggingface or civitai. More may come.
   */
  source: string;
  id: string;
  name: string;
  /**
   * Null if unknown.
   */
  author: string | null;
  tags: string[] | null;
  [k: string]: unknown;
}
/**
 * The last 50 publications, newest first.
 */
export interface ChangeList {
  publications: PublicationSummary[];
  [k: string]: unknown;
}
export interface PublicationSummary {
  /**
   * UTC, ISO 8601, milliseconds.
   */
  generated: string;
  added: number;
  removed: number;
  changed: number;
  /**
   * Its ChangeSet.
   */
  file: string;
  sha256: string;
  bytes: number;
  [k: string]: unknown;
}
/**
 * What one publication changed: models that came, models that went, and facts that changed.
 */
export interface ChangeSet {
  /**
   * UTC, ISO 8601, milliseconds.
   */
  generated: string;
  /**
   * When the data before it came; null for the first publication.
   */
  since: string | null;
  added: AddedModel[];
  removed: RemovedModel[];
  changed: ChangedModel[];
  [k: string]: unknown;
}
export interface AddedModel {
  /**
   * huggingface or civitai. More may come.
   */
  source: string;
  id: string;
  name: string;
  [k: string]: unknown;
}
export interface RemovedModel {
  /**
   * huggingface or civitai. More may come.
   */
  source: string;
  id: string;
  name: string;
  /**
   * Why no manifest has it any more, as a sentence.
   */
  reason: string;
  [k: string]: unknown;
}
export interface ChangedModel {
  /**
   * huggingface or civitai. More may come.
   */
  source: string;
  id: string;
  name: string;
  /**
   * size, license, level, level_most or flagged. More may come.
   */
  field: string;
  before: string | boolean | null;
  after: string | boolean | null;
  /**
   * What decides it now, as a sentence.
   */
  reason: string;
  [k: string]: unknown;
}
/**
 * A file that never changes: its name has the first 16 digits of its hash.
 */
export interface FileReference {
  file: string;
  sha256: string;
  bytes: number;
  [k: string]: unknown;
}
