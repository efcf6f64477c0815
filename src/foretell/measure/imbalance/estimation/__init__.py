"""From spaces to estimates of the Information Imbalance, with errors and nulls.

`request` says what is asked for; `measurement` answers it. `oracle` is the same in plain numpy, written to be read, and
every fast path equals it.
"""
