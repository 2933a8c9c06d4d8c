"""Data without code: instructions for language models, the grammar, the lexicon, policies."""
