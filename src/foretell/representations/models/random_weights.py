"""Models of transformers with weights drawn anew: what an architecture shows that has learned nothing."""

from __future__ import annotations

import copy
from typing import Any

from foretell.exceptions import OptionError, require

__all__ = ["random_model"]


def random_model(config: Any, *, name: str, seed: int, dtype: Any, trust_remote_code: bool, **placing: Any) -> Any:
    """Initialise a model as transformers does before training, from a seed, then load it as any other.

    Parameters
    ----------
    config : PreTrainedConfig
    name : str
        What errors call it.
    seed : int
    dtype : torch.dtype or "auto"
        "auto" is what the configuration names.
    trust_remote_code : bool
    **placing
        Of transformers' ``from_pretrained``: where the weights belong.

    Returns
    -------
    model, or what ``from_pretrained`` gives with it

    Raises
    ------
    OptionError
        For a dtype of weights that are not read.
    """
    torch, transformers = require("torch", "hf"), require("transformers", "hf")
    if dtype == "auto" and config.dtype is None:
        raise OptionError(
            f"dtype='auto' is that of stored weights, which random_weights={seed} does not read, and config.json of "
            f"{name} names none: give a dtype."
        )
    config = copy.deepcopy(config)
    # How the published weights are packed says nothing of drawn ones.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    # In 32 bits on the CPU whatever it is run in and on, so that a seed means the same weights everywhere: only the
    # CPU's generator is seeded, and put back.
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(int(seed))
        drawn = transformers.AutoModel.from_config(
            copy.deepcopy(config), dtype=torch.float32, trust_remote_code=trust_remote_code
        )
    # From here on the way of published weights: what is kept in 32 bits, cast and placed is the same.
    return type(drawn).from_pretrained(
        None, config=config, state_dict=drawn.state_dict(), dtype=dtype, local_files_only=True, **placing
    )
