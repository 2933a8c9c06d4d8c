"""Guidance: published methods in `methods.py`, and `lookahead`, our own, in the files of that name."""
