"""One way to any model, now or when needed: safe by default, on the device and in the type that were asked for."""

from __future__ import annotations

import copy
import gc
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from foretell.exceptions import ForetellWarning, InputError, OptionError, check_option, require, warn
from foretell.representations.builtin.efficientnet_lite import LITE0, load_lite0
from foretell.representations.loading.describe_model import describe_model
from foretell.representations.models.base import (
    AS_STORED,
    DEFAULTS,
    DTYPES,
    Modality,
    Model,
    ModelInfo,
    ModelOptions,
    Reading,
    Visit,
)
from foretell.representations.models.image import ImageModel
from foretell.representations.models.image_networks import CONVOLUTIONAL, convolutional, image_gpt, patch_transformer
from foretell.representations.models.quiet import quiet_transformers, reason_of
from foretell.representations.models.text import TextModel
from foretell.representations.models.transformer_blocks import text_part

_SAMPLE = "The old house's 2 red doors; la maison où l'été dure, 红色的房子 🙂"


def load_model(
    name: str | os.PathLike[str],
    *,
    modality: Modality = "text",
    revision: str | None = None,
    dtype: str = "float32",
    device: str = "auto",
    device_map: str | Mapping[str, Any] | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    random_weights: int | None = None,
    cache: Path | None = None,
) -> Model:
    """Load a model for texts or for images; what is missing is fetched and decoded on first use.

    Parameters
    ----------
    name : str or path
        A built-in name (``foretell data`` lists them); the path of a folder in the hub's layout, which has config.json,
        safetensors, and a tokenizer or preprocessor_config.json; or an id of the Hugging Face hub,
        ``organisation/model``. Of texts also a GGUF file. A path that exists is a path.
    modality : {"text", "image"}
        What it is to read: a model with a tower for each has both.
    revision : str, optional
        Of a hub model: a commit, branch or tag; ``main`` by default.
    dtype : {"float32", "bfloat16", "float16", "auto"}
        In which the model is run; "auto" as its weights are stored.
    device : str
        "cpu", "cuda", "cuda:1", "mps", ...; "auto" is a CUDA device where there is one, else the CPU.
    device_map : str or mapping, optional
        Spreads the blocks over several devices, as accelerate does it: "auto" by what fits. In place of `device`.
    trust_remote_code : bool
        Whether Python code that comes with the model may run. It can do anything: read it first. Its files then count
        in the revision of a folder.
    allow_pickle : bool
        Whether pickled weights are read where there are no safetensors; even so nothing but tensors is unpickled.
    random_weights : int, optional
        Seed of weights to be drawn in place of the model's own, as it is initialised for training: what such a model
        shows is owed to its architecture and its reading alone. The same seed gives the same bits; torch's own
        generators are left as they are. Id and revision say so.
    cache : Path, optional
        Folder of Foretell's cache, `cache_dir()` by default. The hub's cache is where HF_HOME says.

    Returns
    -------
    Model
        With its weights, on its device, without an output head: what `foretell.extract` takes.

    Raises
    ------
    OptionError
        For an unknown name, dtype, device or seed, or an option that does not apply.
    InputError
        If the folder lacks a file, transformers cannot load it, or its layers cannot be read one by one.
    FetchError
        If what must be fetched cannot be.
    """
    options = ModelOptions(
        revision=revision,
        dtype=dtype,
        device=device,
        device_map=device_map,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
        random_weights=random_weights,
        cache=cache,
    )
    return load(name, modality, options)


def load(name: str | os.PathLike[str], modality: Modality, options: ModelOptions) -> Model:
    """As `load_model`, of options that are one object."""
    check_option("modality", modality, ("text", "image"))
    return load_image_model(name, options) if modality == "image" else load_text_model(name, options)


def load_text_model(name: str | os.PathLike[str], options: ModelOptions = DEFAULTS) -> TextModel:
    """Load a text model's blocks, without its output head, as `load_model` does."""
    placed = _placement(options)
    info = describe_model(name, "text", options)
    model, tokenizer = _from_folder(info, options, placed, reader="AutoTokenizer")
    _check_tokenizer(tokenizer, info)
    model = text_part(model).eval()
    # Keys and values are for generating; here they would only take memory.
    model.config.use_cache = False
    loaded = TextModel(info, model=model, tokenizer=tokenizer)
    if loaded.dtype not in DTYPES:
        raise OptionError(f"{info.id} is stored as {loaded.dtype}: choose a dtype of {', '.join(DTYPES)}.")
    return loaded


def load_image_model(name: str | os.PathLike[str], options: ModelOptions = DEFAULTS) -> ImageModel:
    """Load a transformer (of one with two towers, the one for images) or a convolutional network, as `load_model`."""
    placed = _placement(options)
    info = describe_model(name, "image", options)
    if name == LITE0:
        if options.device_map is not None:
            raise OptionError(
                f"device_map={options.device_map!r} is for models of transformers: give {LITE0} a device."
            )
        return load_lite0(info, options, device=placed[""])
    # The reader's other backend needs torchvision, and makes slightly other pixels.
    model, processor = _from_folder(info, options, placed, reader="AutoImageProcessor", backend="pil")
    # A model of two towers has one for images.
    tower = getattr(model, "vision_model", model).eval()
    tower.config.use_cache = False  # keys and values are for generating
    if tower.config.model_type in CONVOLUTIONAL:
        return convolutional(info, model=tower, processor=processor)
    if tower.config.model_type == "imagegpt":
        return image_gpt(info, model=tower, processor=processor)
    return patch_transformer(info, model=tower, processor=processor)


def _placement(options: ModelOptions) -> Any:
    """Transformers' device_map: accelerate loads each weight straight to where it belongs."""
    torch = require("torch", "hf")
    device, device_map = options.device, options.device_map
    if device_map is not None:
        return dict(device_map) if isinstance(device_map, Mapping) else device_map
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        # What torch was not built for, or does not find, shows with the first number put there.
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(
            f"device={device!r} is not to be had here: choose 'auto', 'cpu', or one that torch sees."
        ) from error
    return {"": device}


def _from_folder(
    info: ModelInfo, options: ModelOptions, placed: Any, *, reader: str, **of_reader: Any
) -> tuple[Any, Any]:
    """A model with all its weights, and what reads for it: one of transformers' Auto classes, and its options."""
    torch, transformers = require("torch", "hf"), require("transformers", "hf")
    require("accelerate", "hf")
    local = {"local_files_only": True, "trust_remote_code": options.trust_remote_code}
    try:
        with quiet_transformers():
            config = transformers.AutoConfig.from_pretrained(info.folder, **local)
            _refuse_encoder_decoders(config, info)
            reads = getattr(transformers, reader).from_pretrained(info.folder, **of_reader, **local)
            placing = {
                "dtype": options.dtype if options.dtype == AS_STORED else getattr(torch, options.dtype),
                "device_map": placed,
                "output_loading_info": True,
            }
            if options.random_weights is None:
                is_safe = any(info.folder.glob("*.safetensors"))
                model, report = transformers.AutoModel.from_pretrained(
                    info.folder, config=config, use_safetensors=is_safe, **placing, **local
                )
            else:
                model, report = _random_model(config, info, options, seed=options.random_weights, **placing)
    except InputError:
        raise
    # Code of the model's own may fail in its own ways.
    except Exception as error:
        remedy = (
            "check its files" if options.trust_remote_code else "check its files; code that comes with it is not run"
        )
        raise InputError(f"transformers cannot load {info.folder} ({reason_of(error)}): {remedy}.") from error
    # Transformers fills what the file lacks with random numbers. A pooler comes after the last layer and is not read.
    missing = sorted(key for key in report["missing_keys"] if "pooler." not in key)
    if missing:
        raise InputError(
            f"{info.folder} lacks {len(missing)} of the weights of a {type(model).__name__} ({missing[0]}, ...): "
            "it was saved under other names or in part."
        )
    return model, reads


def _refuse_encoder_decoders(config: Any, info: ModelInfo) -> None:
    if getattr(config, "is_encoder_decoder", False):
        raise InputError(
            f"{info.id} ({config.model_type}) is an encoder with a decoder, which has no single run of layers: save "
            "its encoder as a model of its own, or choose a plain decoder or encoder."
        )


def _check_tokenizer(tokenizer: Any, info: ModelInfo) -> None:
    """Warn where transformers, going by the kind of model, builds another tokenizer than tokenizer.json describes."""
    file = info.folder / "tokenizer.json"
    # This class takes the file as it is; the others take its vocabulary.
    if type(tokenizer).__name__ == "TokenizersBackend" or not file.is_file():
        return
    described = require("tokenizers", "hf").Tokenizer.from_file(str(file))
    described.no_truncation()
    described.no_padding()
    if described.encode(_SAMPLE, add_special_tokens=False).ids != tokenizer.encode(_SAMPLE, add_special_tokens=False):
        warn(
            f"{info.id}: transformers reads texts with its {type(tokenizer).__name__}, which cuts them otherwise than "
            f"the tokenizer.json in {info.folder} says: look at what `TextModel.read` gives.",
            ForetellWarning,
        )


def _random_model(config: Any, info: ModelInfo, options: ModelOptions, *, seed: int, dtype: Any, **placing: Any) -> Any:
    """Initialise a model as transformers does before training, from a seed, then load it as any other.

    `dtype` is torch's, or "auto", which is what the configuration names. Gives what ``from_pretrained`` does.
    """
    torch, transformers = require("torch", "hf"), require("transformers", "hf")
    if dtype == "auto" and config.dtype is None:
        raise OptionError(
            f"dtype='auto' is that of stored weights, which random_weights={seed} does not read, and config.json of "
            f"{info.id} names none: give a dtype."
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
            copy.deepcopy(config), dtype=torch.float32, trust_remote_code=options.trust_remote_code
        )
    # From here on the way of published weights: what is kept in 32 bits, cast and placed is the same.
    return type(drawn).from_pretrained(
        None, config=config, state_dict=drawn.state_dict(), dtype=dtype, local_files_only=True, **placing
    )


# The first load of a process brings its libraries with it, as that of the next process will.
_SLOWEST: dict[tuple[str, Modality], float] = {}


@dataclass(eq=False)
class LoadedModel:
    """The one model that is in memory: loading another lets it go."""

    of: LazyModel | None = None
    model: Model | None = None

    def let_go(self) -> None:
        """Free the memory of the model, if there is one."""
        if self.model is None:
            return
        self.of = self.model = None
        gc.collect()  # what it is made of refers to each other in circles


@dataclass(frozen=True, eq=False)
class LazyModel:
    """A `Model` that is loaded when something but its description is asked of it.

    Parameters
    ----------
    name : str
        What `load_model` takes.
    modality : {"text", "image"}
    options : ModelOptions
    slot : LoadedModel
        Where it is held: models that share one are never in memory together.
    """

    name: str
    modality: Modality
    options: ModelOptions = DEFAULTS
    slot: LoadedModel = field(default_factory=LoadedModel)

    @cached_property
    def info(self) -> ModelInfo:
        """What is known without loading it."""
        return describe_model(self.name, self.modality, self.options)

    @property
    def dtype(self) -> str:
        """In which it is run."""
        return self.loaded.dtype if self.options.dtype == AS_STORED else self.options.dtype  # its weights tell

    @cached_property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.loaded.n_blocks

    @cached_property
    def n_dimensions(self) -> Mapping[str, int]:
        """For each layer in order, the dimensions of one token."""
        return self.loaded.n_dimensions

    @cached_property
    def max_length(self) -> int | None:
        """The longest item that it takes, or None where there is no limit."""
        return self.loaded.max_length

    def read(self, contents: Sequence[Any]) -> list[Reading]:
        """Make of texts or images what the model reads."""
        return self.loaded.read(contents)

    def hidden_states(self, batch: Sequence[Reading], visit: Visit) -> None:
        """Run one forward pass and show every layer's hidden states."""
        self.loaded.hidden_states(batch, visit)

    @property
    def _what(self) -> tuple[str, Modality]:
        return self.name, self.modality

    @property
    def loaded(self) -> Model:
        """The model itself."""
        if self.slot.of is not self or self.slot.model is None:
            self.slot.let_go()  # of the other, before this one takes its memory
            began = time.perf_counter()
            self.slot.model = load(self.name, self.modality, self.options)
            took = time.perf_counter() - began
            _SLOWEST[self._what] = max(took, _SLOWEST.get(self._what, 0.0))
            self.slot.of = self
        return self.slot.model


def slowest_load(model: Model) -> float:
    """The most seconds that a model took to load in this process; 0 for one that was given loaded."""
    return _SLOWEST.get(model._what, 0.0) if isinstance(model, LazyModel) else 0.0
