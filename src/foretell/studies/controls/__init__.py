"""Controls: what is left of an alignment when what should carry it is taken away."""
