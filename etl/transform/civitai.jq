# A page of CivitAI's GET /api/v1/models, {items: [record]}, to one entry for each record, in its order:
#   {model, evidence}      what is known of it, and what its level will be decided from
#   {id, set_aside}        why it is not a model
# Values pass through as they came: what has the wrong type is refused by schemas/model.schema.json, with its reason.

# string -> string, trimmed, without control characters (C0, DEL, C1, line separators) and bidirectional marks
def inert:
  if test("^\\s|\\s$|[\\x{0}-\\x{1f}\\x{7f}-\\x{9f}\\x{61c}\\x{200e}\\x{200f}\\x{2028}-\\x{202e}\\x{2066}-\\x{2069}]") then
    explode
    | map(select(
        (. < 32 or (. >= 127 and . <= 159) or . == 1564 or . == 8206 or . == 8207
         or (. >= 8232 and . <= 8238) or (. >= 8294 and . <= 8297)) | not))
    | implode
    | sub("^\\s+"; "") | sub("\\s+$"; "")
  else . end;

# [version] -> the version published last, the first listed of equals; null of none
def newest:
  reduce .[] as $version (null;
    if . == null or ($version.publishedAt // "") > (.publishedAt // "") then $version else . end);

# version -> size of its model file in bytes | null: never of a VAE, a config or training data; sizeKB counts KiB
def file_bytes:
  [.files[]? | select(.primary == true and (.type == "Model" or .type == "Pruned Model")) | .sizeKB | numbers * 1024 | round][0];

# record -> string | null: why it must never be published; bit 32 of nsfwLevel is Blocked
def barred:
  if .poi then "poi"
  elif .minor then "minor"
  elif .mode == "TakenDown" then "taken down"
  elif (.nsfwLevel | type) == "number" and (.nsfwLevel / 32 | floor) % 2 == 1 then "blocked"
  else null end;

# record -> model; its level is null here and decided after jq, from the evidence
def model:
  (.id | tostring) as $id
  | ([.modelVersions[]? | objects]) as $versions
  | ($versions | newest) as $newest
  | {
      id: $id,
      source: "civitai",
      slug: $id,
      name: (.name | strings |= inert),
      author: .creator.username,
      type,
      downloads: .stats.downloadCount,
      likes: .stats.thumbsUpCount,
      tags,
      license: null,
      created: null,
      updated: $newest.publishedAt,
      url: ("https://civitai.com/models/" + $id),
      level: null,
      base: $newest.baseModel,
      bases: (reduce ($versions[].baseModel | strings) as $base ([]; if index([$base]) then . else . + [$base] end)),
      file_bytes: ($newest | file_bytes)
    };

# record -> evidence of its level; anything but false and null counts as flagged
def evidence: {nsfw: (if .nsfw then true else false end), nsfw_level: ((.nsfwLevel | numbers) // null)};

.items
| map(
    (if type == "object" then .id else null end) as $id
    | try (barred as $why | if $why then {id: $id, set_aside: $why} else {model: model, evidence: evidence} end)
      catch {id: $id, set_aside: .}
  )
