# A page of the Hub's GET /api/models, [record], to one entry for each record, in its order:
#   {id, model, evidence}  what is known of it, and what its size will be decided from
#   {id, set_aside}        why it is not a model, in one word
# Values pass through as they came: the transform replaces what violates schemas/huggingface/model.schema.json by null.

# [string] -> string | null: what follows a prefix in the first tag that has it
def tagged($prefix): [.[]? | strings | select(startswith($prefix)) | .[($prefix | length):] | select(. != "")][0];

# record -> string | null: why it must never be published; a flag of another type than its own counts as set
def rejected:
  if .private then "private"
  elif .disabled then "disabled"
  else null end;

# record -> model; size and parameters are decided after jq, from the evidence
def model:
  {
    id,
    source: "huggingface",
    slug: (.id | split("/") | join("--")),
    name: (.id | split("/") | last),
    author: (.author // (.id | split("/") | if length > 1 then first else null end)),
    type: .pipeline_tag,
    downloads,
    likes,
    tags,
    license: (.tags | tagged("license:")),
    gated,
    created: .createdAt,
    updated: .lastModified,
    url: ("https://huggingface.co/" + .id)
  };

# value -> its field as it came; a text, which none of them may be, of what should be an object and is not
def field($key): if type == "object" then .[$key] elif . == null then null else "not an object" end;

# record -> evidence of its size beside its name and tags, as it came
def evidence:
  {
    elements: (.safetensors | field("parameters")),
    total: (.safetensors | field("total")),
    gguf: (.gguf | field("total")),
    gguf_architecture: (.gguf | if type == "object" then .architecture else null end)
  };

map(
  if type != "object" or (.id | type) != "string" then {id: null, set_aside: "id"}
  else
    rejected as $why
    | if $why then {id, set_aside: $why} else {id, model: model, evidence: evidence} end
  end
)
