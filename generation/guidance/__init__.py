"""Guidance: the published methods, and the look-ahead of our own."""
