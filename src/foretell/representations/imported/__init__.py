"""Activations made elsewhere -> store: files of arrays in place of a model that is run here."""
