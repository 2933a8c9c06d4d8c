"""Verification of turns: judges look at the picture, and what is still there is tried again, in bounds.

`options` says how a session is verified, `ladder` what is tried next, `verify` does it, and `record` is what is kept.
"""

from .options import VerifyOptions

__all__ = ["VerifyOptions"]
