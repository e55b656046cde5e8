# A page of the Hub's GET /api/models, [record], to one entry for each record, in its order:
#   {id, model, evidence}  a model, and the evidence of its size beside its name and tags
#   {id, set_aside}        a rejected record, and the code of the reason
# Values pass through as they came: the transform replaces what violates schemas/huggingface/model.schema.json by null.

# record -> string | null: code of the reason never to publish it; a flag of the wrong type counts as set
def rejected:
  if .private then "private"
  elif .disabled then "disabled"
  else null end;

# record -> fields of the model, and its evidence, as they came: the transform copies what these two lines name without jq
def copied_model: {type: .pipeline_tag, downloads, likes, tags, gated, created: .createdAt, updated: .lastModified};
def copied_evidence: {safetensors, gguf};

# record -> model; rules.py sets license and lineage from the tags, size and parameters from the evidence
def model:
  (.id | split("/")) as $path
  | {
      id,
      source: "huggingface",
      slug: ($path | if length == 2 then .[0] + "--" + .[1] else join("--") end),  # join alone is slow
      name: $path[-1],
      author: (if .author then .author elif ($path | length) > 1 then $path[0] else null end),
      license: null,
      url: ("https://huggingface.co/" + .id)
    }
  + copied_model;

map(
  if type != "object" or (.id | type) != "string" then {id: null, set_aside: "id"}
  else
    rejected as $why
    | if $why then {id, set_aside: $why} else {id, model: model, evidence: copied_evidence} end
  end
)
