// The JSON in <script type="application/json" id="data">, which etl/report/models.py writes. Rows and positions count from 0.

/** A number for each row or position; -1 where it has none. */
type Index = number;

interface ReportData {
  /** Levels above pg13: names of such models are hidden until the visitor wants to see them. */
  hidden_levels: string[];
  /** Commands by their targets, complete for the data folder and the filters of the report. */
  commands: { "extract manifests": string; manifests: string };
  sources: SourceData[];
}

interface SourceData {
  name: string;
  prefix: string;
  axes: { name: string; options: OptionData[] }[];
  /** What options test of a model: the requirement of the source, then the options that test something. */
  conditions: string[];
  /** The condition that every manifest has; null if the source has no requirement. */
  requirement: Index | null;
  streams: StreamData[];
  /** The published filters, in the order of filters.toml. */
  filters: FilterData[];
  /** The limit of a combination of options that is not published. */
  limit: number;
  /** Models with the same results of all conditions; the streams refer to them. */
  groups: GroupData[];
  /** Why a condition does not match, why a record was rejected, what other records say. */
  texts: TextData[];
  /** Every model of the source once, one row each, sorted by id. */
  rows: number;
  columns: Record<string, Column>;
  /** Rows of models whose level in any stream is above pg13. */
  hidden: Index[];
  /** Rows that filters.toml excludes by id. */
  excluded: Index[];
}

interface OptionData {
  name: string;
  label: string;
  /** Whether it changes the request, so that it is part of the name of the stream. */
  is_server_side: boolean;
  condition: Index | null;
  /** The field by which it orders models, greatest first; null if it orders none. */
  order_field: string | null;
  /** The fields that it tests or orders by; of an option without any, the field that others of its axis test. */
  fields: string[];
}

interface FilterData {
  path: string;
  file: string;
  label: string;
  stream: string;
  limit: number;
  /** The option of each axis. */
  options: Index[];
  /** Why its stream counts as missing; null if it does not. */
  missing: string | null;
}

interface StreamData {
  name: string;
  /** Why it counts as missing, such as that it is of another request than filters.toml has; null if it does not. */
  missing: string | null;
  /** The row of the model at each position. */
  order: Index[];
  /** By field that options order by, all positions: the greatest value first, null last, then in stream order. */
  by_field: Record<string, Index[]>;
  /** The group of the model at each position. */
  groups: Index[];
  /** By position, what other records of the model decide. */
  rulings: Record<string, RulingData>;
  /** By row, why records of models that the stream does not have were rejected: an index of `texts`. */
  rejected: Record<string, Index>;
  /** By position, fields that expressions read and that differ from the columns. */
  fields: Record<string, Record<string, unknown>>;
}

interface RulingData {
  /** All that they decide, in words: an index of `texts`. */
  text: Index;
  /** Whether they keep the model out of every manifest. */
  forbids: boolean;
  /** By condition, what they decide of the fields that it tests: an index of `texts`; `text` for all others. */
  by_condition: Record<string, Index>;
}

interface GroupData {
  /** The conditions that do not match, each with its reason: an index of `texts`. */
  fails: [Index, Index][];
  /** The conditions that the models do not match by their own records; null if other records decide nothing. */
  own_fails: Index[] | null;
}

/** A text, or one that continues with the values of fields of the model: `text (downloads 5, likes null)`. */
type TextData = string | { text: string; fields: string[] };

/** The values of a field, in one of several forms, whichever is short. `except` has the values of single rows. */
type Column = { except?: Record<string, unknown> } & (
  | { values: unknown[] }
  | { table: unknown[]; indexes: Index[] } // an index of -1 is null
  | { table: string[]; lists: (Index | string)[][] } // lists of texts, such as tags; rare ones stand there themselves
  | { days: (number | null)[] } // dates, in days since 1970-01-01
  | { constant: unknown }
  | { after_slash: true } // what follows the first `/` of the id; the id if that is nothing
  | { before_slash: true } // what precedes the first `/` of the id; the id if it has none
  | { prefix: string } // followed by the id
);
