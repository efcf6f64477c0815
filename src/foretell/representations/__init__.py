"""Models and pairs in, bits on disk out.

Each room imports only those before it: `data` (pairs and the readers of files), `models` (networks that show their
layers), `builtin` (models and data that install from package indices), `loading` (from a name to pairs or a model),
`store` (the format on disk), `extraction` (a model is run over pairs), `imported` (activations made elsewhere).
"""
