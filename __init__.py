"""notthat: say what is wrong with the picture; get it again without it."""

__version__ = "0.1.0"
