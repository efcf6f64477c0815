"""Pairs x model -> store: which items take part, the run of the model, and activations made into bits."""
