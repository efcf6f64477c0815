"""The version, in a module of its own: what is inside the package reads it here."""

__all__ = ["__version__"]

__version__ = "0.1.0"
