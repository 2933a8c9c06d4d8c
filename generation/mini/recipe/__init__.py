"""The training recipe of `mini`: render and caption a world, and train on it.

Run `python -m notthat.generation.mini.recipe --help`.
"""
