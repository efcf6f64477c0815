"""Runs tasks on a Ray cluster: lists of them whose answers come in order, and shards for workers that hold a model.

A task or a shard whose worker died is given to another one, at most `remote.RETRIES` times. What the work itself raises
is raised here, at once. The measure does not import this room: it knows a cluster by the protocols in
`foretell.options`.
"""
