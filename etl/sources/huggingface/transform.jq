# A page of the Hub's GET /api/models, [record], to one entry for each record, in its order:
#   {model, evidence}  a model, and the evidence of its size and relation beside its name and tags
#   {id, set_aside}    a rejected record, and the code of the reason
# Values pass through as they came: the transform replaces what violates schemas/huggingface/model.schema.json by null. It adds
# fields that are not here, which rules.py sets: slug, name and url from the id, license and lineage from the tags, size and
# parameters from the evidence.

# record -> fields of the model, and its evidence, as they came: the transform copies what these two lines name without jq
def copied_model: {id, author, type: .pipeline_tag, downloads, likes, tags, gated, created: .createdAt, updated: .lastModified};
def copied_evidence: {safetensors, gguf, library: .library_name};

# A flag of the wrong type counts as set.
map(
  if type != "object" or (.id | type) != "string" then {id: null, set_aside: "id"}
  elif .private then {id, set_aside: "private"}
  elif .disabled then {id, set_aside: "disabled"}
  else {model: copied_model, evidence: copied_evidence} end
)
