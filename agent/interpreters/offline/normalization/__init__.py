"""Cleans feedback and splits it into clauses."""
