"""What can go wrong in making a picture."""

from ..errors import InvalidInputError, NotthatError


class GenerationError(NotthatError):
    """The picture could not be made."""


class ShortOfMemoryError(GenerationError):
    """The device has too little memory for it."""


class InvalidModelError(InvalidInputError):
    """There is no such model, or it isn't one that this engine can drive."""


class InvalidDeviceError(InvalidInputError):
    """This machine has no such device."""


class InvalidRequestError(InvalidInputError):
    """A value of the request is out of range."""
