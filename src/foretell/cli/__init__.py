"""The command `foretell`.

`commands` has a module a command, and `app` gathers them. `arguments`, `output` and `errors` are what they share: what
they take, how they print, and how the program ends.
"""
