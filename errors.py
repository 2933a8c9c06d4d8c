"""What can go wrong, in words for the person at the keyboard.

The message of every error here is one line that says what is wrong and, where there is something
to do about it, what to do next.
"""


class NotthatError(Exception):
    """Something failed that was asked for rightly; the command line leaves with exit code 1."""


class InvalidInputError(NotthatError):
    """What was asked for can't be right; nothing was changed; the command line leaves with exit code 2."""
