# A page of CivitAI's GET /api/v1/models, {items: [record]}, to one entry for each record, in its order:
#   {model, evidence}  a model, and the evidence of its levels, images and commercial use
#   {id, set_aside}    a rejected record, and the code of the reason
# Values pass through as they came: the transform replaces what violates schemas/civitai/model.schema.json by null.

# any value -> {}, which is not valid in any field of a model: marks a value of the wrong type, which is dropped and counted
def wrong: {};

# record -> [version] in the order of the site, which shows the first as the model; null if not a list, or a list without
# objects
def versions:
  .modelVersions
  | if type == "array" then [.[] | objects] as $versions | if . == [] or $versions != [] then $versions else null end
    elif . == null then []
    else null end;

# [version] -> the latest time of publication; null if absent
def latest: [.[].publishedAt] - [null] | ([.[] | select(.[10:11]? == "T")] | max) // .[0];

# file -> whether it contains the weights of the model, not a VAE, a config or training data
def is_weights: .type | . == "Model" or . == "Pruned Model" or . == "Diffusion Model" or . == "UNet";

# file -> whether it or its type or primary has the wrong type
def is_wrong_file:
  type != "object" or (.type | type | . != "string" and . != "null") or (.primary | type | . != "boolean" and . != "null");

# version | null -> size of its primary weights in bytes | null; sizeKB counts KiB
def file_bytes:
  (try .files catch wrong)
  | if type == "array" then
      [.[] | objects | select(.primary == true and is_weights)][0] as $file
      | if $file then $file.sizeKB | if type == "number" then . * 1024 | round else . end
        elif any(.[]; is_wrong_file) then wrong
        else null end
    else . end;

# any value -> whether it is one of some words, in any case; other types than text and null count as one
def is_flag($words): if type == "string" then [ascii_downcase] - $words == [] else . != null end;

# record -> string | null: code of the reason never to publish it; a flag of the wrong type counts as set
def rejected:
  if .poi then "poi"
  elif .minor then "minor"
  elif .mode | is_flag(["takendown"]) then "takendown"
  elif .availability | is_flag(["private", "unsearchable"]) then "notpublic"
  else null end;

# record -> model; the transform adds fields that are not here: rules.py sets url, flagged, levels, images, permissions and
# commercial from the evidence
def model:
  (.id | if type == "number" and . == floor then floor else . end | tostring) as $id
  | versions as $versions
  | (if $versions then $versions[0] else "not a version" end) as $first
  | {
      id: $id,
      slug: $id,
      name,
      author: (try .creator.username catch wrong),
      type,
      downloads: (try .stats.downloadCount catch wrong),
      likes: (try .stats.thumbsUpCount catch wrong),
      tags,
      updated: (if $versions then $versions | latest else wrong end),
      availability,
      base: (try $first.baseModel catch wrong),
      bases: (
        if $versions then reduce ($versions[].baseModel | values) as $base ([]; . + ([$base] - .))
        else wrong end
      ),
      file_bytes: ($first | file_bytes),
      allow_derivatives: .allowDerivatives,
      allow_no_credit: .allowNoCredit,
      allow_different_license: .allowDifferentLicense
    };

# record -> evidence of its levels and images: its flag, its mask, and the images of each version, as they came; selecting
# images here takes longer than passing all of them. Evidence of commercial use: the base models of its versions, and
# those that it lists itself, which is more where a request is for versions of one base model; permissions
def evidence:
  {
    flag: .nsfw,
    mask: .nsfwLevel,
    images: [.modelVersions | arrays[].images? | arrays],
    bases: ([.modelVersions | arrays[] | if type == "object" then .baseModel else null end] + [.baseModels | arrays[]]),
    permissions: .allowCommercialUse
  };

.items
| map(
    if type != "object" then {id: null, set_aside: "id"}
    else
      rejected as $why
      | if $why then {id, set_aside: $why} else {model: model, evidence: evidence} end
    end
  )
