"""Rewrites idioms, anaphora and explanations to clauses that the grammar has rules for."""
