"""Errors of generation."""

from ..errors import InvalidInputError, NotthatError


class GenerationError(NotthatError):
    """The picture could not be drawn."""


class ShortOfMemoryError(GenerationError):
    """The device has too little memory for the request."""


class InvalidModelError(InvalidInputError):
    """The model does not exist, or the engine does not support it."""


class InvalidDeviceError(InvalidInputError):
    """The machine has no such device."""


class InvalidRequestError(InvalidInputError):
    """A value of the request is out of range."""
