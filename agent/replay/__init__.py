"""Stored sessions again: regenerated, reinterpreted, and written as a report, a GIF or a grid."""
