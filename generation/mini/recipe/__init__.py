"""How `mini` is made: a world is rendered, captioned, and learned. `python -m notthat.generation.mini.recipe --help`"""
