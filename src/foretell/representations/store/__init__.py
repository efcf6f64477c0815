"""The on-disk format of sign bits; docs/store.md is its specification."""

from foretell.representations.store.layout import Kept, StoreInfo
from foretell.representations.store.lock import locked
from foretell.representations.store.reader import Store, open_store, opened
from foretell.representations.store.storage import Storage
from foretell.representations.store.writer import StoreWriter, create_store

__all__ = [
    "Kept",
    "Storage",
    "Store",
    "StoreInfo",
    "StoreWriter",
    "create_store",
    "locked",
    "open_store",
    "opened",
]
