# A page of CivitAI's GET /api/v1/models, {items: [record]}, to one entry for each record, in its order:
#   {id, model, evidence}  what is known of it, and what its level will be decided from
#   {id, set_aside}        why it is not a model, in one word
# Values pass through as they came: the transform replaces what violates schemas/model.schema.json by null.

# value -> its field; {}, which no field of a model may be, of what should be an object and is not
def field($key): if type == "object" then .[$key] elif . == null then null else {} end;

# record -> [version] in the order of the site, whose first is the one it shows as the model
def versions: [.modelVersions | arrays | .[] | objects];

# [version] -> the latest time of publication; null without one
def latest: [.[].publishedAt | values] | ([.[] | strings | select(.[10:11] == "T")] | max) // .[0];

# file -> whether it holds the model's weights, and is not a VAE, a config or training data
def is_weights: .type | . == "Model" or . == "Pruned Model" or . == "Diffusion Model" or . == "UNet";

# version | null -> size of its primary weights in bytes | null; sizeKB counts KiB
def file_bytes:
  field("files")
  | if type == "array" then
      [.[] | objects | select(.primary == true and is_weights)][0].sizeKB
      | if type == "number" then . * 1024 | round else . end
    else . end;

# record -> string | null: why it must never be published; a flag of another type than its own counts as set
def rejected:
  if .poi then "poi"
  elif .minor then "minor"
  elif .mode | . == "TakenDown" or (type | . != "string" and . != "null") then "takendown"
  elif .availability | . == "Private" or . == "Unsearchable" or (type | . != "string" and . != "null") then "notpublic"
  else null end;

# record -> model; its address, flag and levels are null here and decided after jq, from the evidence
def model:
  (.id | tostring) as $id
  | versions as $versions
  | (if .modelVersions | type | . == "array" or . == "null" then $versions[0] else "not a list" end) as $first
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
      updated: ($versions | latest),
      url: null,
      level: null,
      level_most: null,
      flagged: null,
      availability,
      base: ($first | field("baseModel")),
      bases: (reduce ($versions[].baseModel | values) as $base ([]; if index([$base]) then . else . + [$base] end)),
      file_bytes: ($first | file_bytes)
    };

# record -> evidence of its levels: nsfwLevel of the record, and of the images of all its versions, as they came
def evidence:
  {
    flagged: (if .nsfw then true else false end),
    mask: .nsfwLevel,
    images: [versions[].images | arrays | .[] | objects | .nsfwLevel | values]
  };

.items
| map(
    if type != "object" then {id: null, set_aside: "id"}
    else
      rejected as $why
      | if $why then {id, set_aside: $why} else {id, model: model, evidence: evidence} end
    end
  )
