"""fillwright: signals in, protected positions out."""

__version__ = "0.1.0"
