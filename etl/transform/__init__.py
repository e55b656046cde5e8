"""Raw pages to models: one jq program per source, then what is decided from the evidence."""
