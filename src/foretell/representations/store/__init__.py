"""The on-disk format of sign bits; docs/store.md is its specification."""

from foretell.representations.store.layout import StoreInfo
from foretell.representations.store.reader import Store, open_store
from foretell.representations.store.writer import StoreWriter, create_store

__all__ = ["Store", "StoreInfo", "StoreWriter", "create_store", "open_store"]
