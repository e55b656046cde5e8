# A page of CivitAI's GET /api/v1/models, {items: [record]}, to one entry for each record, in its order:
#   {id, model, evidence}  what is known of it, and what its level will be decided from
#   {id, set_aside}        why it is not a model, in one word
# Values pass through as they came: the transform replaces what violates schemas/civitai/model.schema.json by null.

# any value -> {}, which no field of a model may be, so that what has the wrong type is seen to be dropped
def wrong: {};

# value -> its field; wrong of what should be an object and is not
def field($key): if type == "object" then .[$key] elif . == null then null else wrong end;

# record -> [version] in the order of the site, whose first is the one it shows as the model
def versions: [.modelVersions | arrays | .[] | objects];

# record -> whether its versions are no list, or a list of what are no versions
def has_wrong_versions: .modelVersions | if type == "array" then length > 0 and all(.[]; type != "object") else . != null end;

# [version] -> the latest time of publication; null without one
def latest: [.[].publishedAt | values] | ([.[] | strings | select(.[10:11] == "T")] | max) // .[0];

# file -> whether it holds the model's weights, and is not a VAE, a config or training data
def is_weights: .type | . == "Model" or . == "Pruned Model" or . == "Diffusion Model" or . == "UNet";

# file -> whether it is none, or does not say what it is
def is_wrong_file:
  type != "object" or (.type | type | . != "string" and . != "null") or (.primary | type | . != "boolean" and . != "null");

# version | null -> size of its primary weights in bytes | null; sizeKB counts KiB
def file_bytes:
  field("files")
  | if type == "array" then
      [.[] | objects | select(.primary == true and is_weights)][0] as $file
      | if $file then $file.sizeKB | if type == "number" then . * 1024 | round else . end
        elif any(.[]; is_wrong_file) then wrong
        else null end
    else . end;

# text | other -> whether it is one of some words, in any case; what is neither text nor null counts as one
def is_flag($words): if type == "string" then ascii_downcase as $word | any($words[]; . == $word) else . != null end;

# record -> string | null: why it must never be published; a flag of another type than its own counts as set
def rejected:
  if .poi then "poi"
  elif .minor then "minor"
  elif .mode | is_flag(["takendown"]) then "takendown"
  elif .availability | is_flag(["private", "unsearchable"]) then "notpublic"
  else null end;

# record -> model; its address, flag and levels are null here and decided after jq, from the evidence
def model:
  (.id | if type == "number" and . == floor then floor else . end | tostring) as $id
  | versions as $versions
  | has_wrong_versions as $is_wrong
  | (if $is_wrong then "not a version" else $versions[0] end) as $first
  | {
      id: $id,
      source: "civitai",
      slug: $id,
      name,
      author: (.creator | field("username")),
      type,
      downloads: (.stats | field("downloadCount")),
      likes: (.stats | field("thumbsUpCount")),
      tags,
      license: null,
      created: null,
      updated: (if $is_wrong then wrong else $versions | latest end),
      url: null,
      level: null,
      level_most: null,
      flagged: null,
      availability,
      base: ($first | field("baseModel")),
      bases: (
        if $is_wrong then wrong
        else reduce ($versions[].baseModel | values) as $base ([]; if index([$base]) then . else . + [$base] end) end
      ),
      file_bytes: ($first | file_bytes)
    };

# record -> evidence of its levels: its flag, its mask, and the levels of the images of all its versions, as they came
def evidence:
  {
    flag: .nsfw,
    mask: .nsfwLevel,
    images: [.modelVersions | arrays[].images? | arrays[].nsfwLevel?]
  };

.items
| map(
    if type != "object" then {id: null, set_aside: "id"}
    else
      rejected as $why
      | if $why then {id, set_aside: $why} else {id, model: model, evidence: evidence} end
    end
  )
