"""Models and data inside published packages, for machines without a hub: one module each.

`packages` fetches them into the cache, `catalogue` lists them.
"""
