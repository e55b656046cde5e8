# A page of the Hub's GET /api/models, [record], to one entry for each record, in its order:
#   {model, evidence}      what is known of it, and what its size will be decided from
#   {id, set_aside}        why it is not a model
# Values pass through as they came: what has the wrong type is refused by schemas/model.schema.json, with its reason.

# [string] -> string | null: what follows a prefix in the first tag that has it
def tagged($prefix): [.[]? | strings | select(startswith($prefix)) | .[($prefix | length):] | select(. != "")][0];

# record -> string | null: why it must never be published
def barred:
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

# record -> evidence of its size beside its name and tags; what is no count is no evidence
def evidence:
  {
    elements: ((.safetensors | objects | .parameters | objects) // {}),
    total: ((.safetensors | objects | .total | numbers) // null),
    gguf: ((.gguf | objects | .total | numbers) // null),
    gguf_architecture: ((.gguf | objects | .architecture | strings) // null)
  };

map(
  (if type == "object" then .id else null end) as $id
  | try (barred as $why | if $why then {id: $id, set_aside: $why} else {model: model, evidence: evidence} end)
    catch {id: $id, set_aside: .}
)
