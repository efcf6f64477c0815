"""Questions in; answers, figures and a page out.

A study is read (`config`), prepared (`preparation`: pairs, items, stores), answered by its kind (`depth`, `map`,
`tokens`, `token_pairs`, `controls`; `registry` lists them), put into words (`summaries`), drawn (`plotting`), written
(`outputs`) and shown as a page (`report`). `run` goes through these steps.
"""
