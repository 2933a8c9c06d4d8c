"""The rules of `prompts/grammar` and the templates that match clauses."""
