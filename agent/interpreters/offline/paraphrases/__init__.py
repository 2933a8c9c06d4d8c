"""Rewrites idioms, anaphora and explanations as clauses that match the grammar."""
