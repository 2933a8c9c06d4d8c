"""A language model in this process, by transformers: for the interpreter `local`.

`source` checks what the settings name, `loading` loads it, `decoding` generates JSON that matches a schema, and `model`
combines them. transformers and torch are imported with the first call. The extra `notthat[local]` is needed.
"""

from .model import LocalModel

__all__ = ["LocalModel"]
