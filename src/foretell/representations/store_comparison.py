"""Two stores, or files of arrays, measured against each other without a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretell.exceptions import AlignmentError, InputError, OptionError
from foretell.measure.imbalance.information_imbalance import imbalance_curve, imbalance_matrix
from foretell.measure.inference.contrasts import Contrast, contrast
from foretell.measure.results.result_files import save_result, write_csv
from foretell.measure.results.schema import DIRECTIONS
from foretell.measure.spaces.bits import BinarySpace
from foretell.measure.spaces.space import Space, align, check_same_items
from foretell.representations.imported.array_files import SUFFIXES, open_arrays
from foretell.representations.imported.layer_arrays import BESIDE, texts_in
from foretell.representations.store.format import Kept
from foretell.representations.store.reader import Store, open_store
from foretell.representations.store.recordings import Recording

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Side:
    """Some layers of a store, or the arrays of a file.

    Parameters
    ----------
    name : str
    spaces : mapping of str to Space
    groups : sequence of str, optional
        Group of each item.
    attributes : mapping
        What a result says of it, such as the model.
    """

    name: str
    spaces: Mapping[str, Space]
    groups: Sequence[str] | None
    attributes: Mapping[str, str]

    @property
    def ids(self) -> tuple[str, ...] | None:
        """Names of the items, where there are any."""
        return next(iter(self.spaces.values())).ids


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was found of two sides.

    Parameters
    ----------
    result : Dataset
        As `imbalance_matrix` or `imbalance_curve` gives it.
    best : mapping of direction to Dataset
        The cell of `result` where that direction is lowest, of the directions that have a value.
    joint : Dataset, optional
        The cell where both directions together are lowest (the lowest of one direction would favour it), both
        directions; None where no cell has both.
    asymmetry : Contrast, optional
        ``a_to_b - b_to_a`` there.
    n_left_out : (int, int)
        Items of either side that the other lacks.
    """

    result: xr.Dataset
    best: Mapping[str, xr.Dataset]
    joint: xr.Dataset | None
    asymmetry: Contrast | None
    n_left_out: tuple[int, int]


def load_side(place: str | Path, *, layers: Sequence[str] | None = None, tokens: str | None = None) -> Side:
    """Open one side of a comparison; of a store nothing is read yet.

    Parameters
    ----------
    place : str or Path
        A store's folder or URL; or a .npy, .npz or .safetensors file of floats or bools of shape (items, ...), whose
        ids are an array ``ids``, or in the metadata.
    layers : sequence of str, optional
        Names of layers or arrays, all by default.
    tokens : str, optional
        Of a store, a rule such as "last 5"; all that it keeps first, by default.

    Raises
    ------
    OptionError
        For a layer or tokens that there are not.
    InputError, StoreError
        If it cannot be read.
    """
    path = Path(place)
    if path.suffix not in SUFFIXES:
        return _of_store(open_store(place), layers, tokens)
    if tokens is not None:
        raise OptionError(f"tokens={tokens!r} is of stores, and {path} is a file: save the tokens that you want.")
    arrays, said = open_arrays(path)
    if "offsets" in arrays:
        raise InputError(f"{path} has items of different lengths: make a store of it with `foretell import`.")
    ids = texts_in(arrays, said, path) if "ids" in said or "ids" in arrays else None
    own = {name or path.stem: tensor for name, tensor in arrays.items() if name not in BESIDE}
    spaces = {}
    for name in _chosen(layers, list(own), str(path)):
        tensor = own[name]
        x = tensor.floats() if tensor.dtype == "bfloat16" else tensor.stored
        try:
            spaces[name] = BinarySpace.from_activations(x.reshape(len(x), -1) if x.ndim > 3 else x, ids)
        except InputError as error:
            raise InputError(f"{path}{f', {name}' if len(own) > 1 else ''}: {error}") from error
    return Side(path.name, spaces, None, {"model": path.name})


def compare_sides(
    a: Side, b: Side, *, k: int = 1, null: int = 0, diagonal: bool = False, common: bool = False, seed: int = 0
) -> Comparison:
    """Measure two sides against each other, and find the best pair each way.

    Parameters
    ----------
    a, b : Side
        Over the same items in the same order, which ids prove where both have them.
    k, null, seed
        As for `imbalance_matrix`.
    diagonal : bool
        Whether layer l of A goes with layer l of B alone.
    common : bool
        Whether to measure the items that both have, in the order of A.

    Raises
    ------
    AlignmentError, InputError, OptionError
    """
    n_items = [next(iter(side.spaces.values())).n_items for side in (a, b)]
    of_item = _groups_by_id(a) or _groups_by_id(b)
    if common:
        a, b = _common(a, b)
    else:
        _check_same(a, b)
    ids = a.ids or b.ids
    groups = [of_item[item] for item in ids] if of_item and ids else a.groups or b.groups
    function: Any = imbalance_curve if diagonal else imbalance_matrix
    result = function(a.spaces, b.spaces, k=k, null=null, seed=seed, groups=groups)
    result = result.assign_attrs(
        {f"{name}_{end}": value for end, side in (("a", a), ("b", b)) for name, value in side.attributes.items()}
    )
    lowest = {direction: _lowest(result.sel(direction=direction), "imbalance") for direction in DIRECTIONS}
    best = {direction: cell for direction, cell in lowest.items() if cell is not None}
    if not best:
        raise InputError(
            f"Nothing of {a.name} and {b.name} can be compared: all items of a side are alike. Of floats the signs are "
            "compared; where all are of one sign, subtract each dimension's median first."
        )
    joint = _lowest(result.assign(both=result["imbalance"].sum("direction", skipna=False)), "both")
    asymmetry = None
    if joint is not None:
        cell = [str(joint[dim].item()) for dim in result["imbalance"].dims[1:]]
        asymmetry = contrast(result, {(DIRECTIONS[0], *cell): 1, (DIRECTIONS[1], *cell): -1})
    n_kept = next(iter(a.spaces.values())).n_items
    return Comparison(result, best, joint, asymmetry, (n_items[0] - n_kept, n_items[1] - n_kept))


def names_of(cell: xr.Dataset) -> str:
    """A cell's two spaces in words."""
    return " | ".join(str(cell[name].item()) for name in (("layer", "layer") if "layer" in cell.coords else ("a", "b")))


def write_comparison(comparison: Comparison, folder: str | Path) -> Path:
    """Write ``result.nc`` and ``result.csv`` into a folder."""
    save_result(comparison.result, Path(folder) / "result.nc")
    write_csv(comparison.result, Path(folder) / "result.csv")
    return Path(folder)


def _of_store(store: Store, layers: Sequence[str] | None, tokens: str | None) -> Side:
    info = store.info
    kept = next((one for one in info.kept if _serves(one, tokens)), None)
    if kept is None:
        raise OptionError(
            f"{store.name} keeps {info.tokens!r}, no bits of {tokens or 'any tokens'!r}: extract it again with these."
        )
    names = _chosen(layers or list(kept.n_bits), store.layers, store.name)
    how = kept.recording.how
    rule = f"{tokens or kept.recording.tokens}{'' if how == 'sign' else f', {how}'}"
    attributes = {
        "model": info.model_id,
        "revision": info.model_revision,
        "side": info.side,
        "data": info.pairs_name,
        "tokens": rule,
    }
    spaces = {name: store.space(name, rule) for name in names}
    return Side(f"{info.model_id} {info.side}", spaces, store.groups, attributes)


def _serves(kept: Kept, tokens: str | None) -> bool:
    """Whether a recording has bits of the tokens that are asked for, if any are."""
    if kept.is_full:
        return False
    wanted = kept.recording if tokens is None else Recording.parse(f"{tokens}, {kept.recording.how}")
    return kept.recording.serves(wanted, kept.n_tokens) is not None


def _chosen(layers: Sequence[str] | None, there: Sequence[str], where: str) -> Sequence[str]:
    absent = [layer for layer in layers or () if layer not in there]
    if absent or not there:
        lacks = f"layer {absent[0]}" if absent else "arrays"
        raise OptionError(f"{where} has no {lacks}: there are {', '.join(there) or 'none'}.")
    return layers or there


def _groups_by_id(side: Side) -> dict[str, str]:
    if side.groups is None or side.ids is None:
        return {}
    return dict(zip(side.ids, side.groups, strict=True))


def _check_same(a: Side, b: Side) -> None:
    try:
        check_same_items([*a.spaces.values(), *b.spaces.values()], [a.name] * len(a.spaces) + [b.name] * len(b.spaces))
    except AlignmentError as error:
        if a.ids is None or b.ids is None:
            raise
        raise AlignmentError(f"{error} Or measure the items that both have: --common, common=True.") from error


def _common(a: Side, b: Side) -> tuple[Side, Side]:
    for side in (a, b):
        if side.ids is None:
            raise AlignmentError(f"{side.name} has no ids, so nothing says which of its items the other has too.")
    aligned = iter(align(*a.spaces.values(), *b.spaces.values()))
    first, second = ({name: next(aligned) for name in side.spaces} for side in (a, b))
    return Side(a.name, first, None, a.attributes), Side(b.name, second, None, b.attributes)


def _lowest(cells: xr.Dataset, name: str) -> xr.Dataset | None:
    if not cells[name].notnull().any():
        return None
    return cells.isel({dim: int(number) for dim, number in cells[name].argmin(..., skipna=True).items()})
