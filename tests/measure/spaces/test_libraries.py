"""Arrays as other libraries have them: what is taken, without a copy where that can be, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

import foretell
from foretell.exceptions import AlignmentError, InputError
from foretell.measure.inference.item_data import items_of
from foretell.measure.spaces.libraries import as_array

pandas = pytest.importorskip("pandas")
torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 20)).astype(np.float32)
Y = X + RNG.standard_normal((30, 20)).astype(np.float32)
NAMES = [f"text {number}" for number in range(30)]
METRICS = ("hamming", "euclidean")


class WithArray:
    """As jax, tensorflow and polars hand their arrays over."""

    def __init__(self, x: NDArray[Any]) -> None:
        self.x = x

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.x


class WithInterface:
    def __init__(self, x: NDArray[Any]) -> None:
        self.x = x
        self.__array_interface__ = x.__array_interface__


class WithDlpack:
    def __init__(self, x: NDArray[Any]) -> None:
        self.x = x

    def __dlpack__(self, **options: Any) -> Any:
        return self.x.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.x.__dlpack_device__()


class Sparse:
    """As scipy's matrices have it."""

    def toarray(self) -> NDArray[Any]:
        return X


class OwnTensor(torch.Tensor):  # type: ignore[misc, name-defined]
    """A tensor of a class that torch does not define."""


def distances(x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.abs(x[:, None] - x[None]).sum(-1))


@pytest.mark.parametrize("form", [WithArray, WithInterface, WithDlpack, torch.from_numpy])
def test_memory_is_shared(form: Any) -> None:
    assert np.shares_memory(as_array(form(X)), X)


def test_gradients_and_classes_of_torch_cost_no_copy() -> None:
    tensor = torch.tensor(X, requires_grad=True)
    for form in (tensor, torch.nn.Parameter(tensor), tensor.detach().half(), tensor.detach().as_subclass(OwnTensor)):
        assert as_array(form).ctypes.data == form.data_ptr()


def test_a_tensor_is_moved_once() -> None:
    moves = []

    class Elsewhere(torch.Tensor):  # type: ignore[misc, name-defined]
        def cpu(self) -> Any:
            moves.append(self)
            return torch.Tensor.cpu(self.as_subclass(torch.Tensor))

    tensor = torch.tensor(X).as_subclass(Elsewhere)
    for metric in METRICS:
        foretell.imbalance_matrix({"x": tensor, "again": tensor}, {"x": tensor, "y": Y}, metric=metric)
        assert len(moves) == 1
        moves.clear()


@pytest.mark.parametrize("metric", METRICS)
def test_every_form_gives_the_same(metric: str) -> None:
    expected = foretell.information_imbalance(X, Y, metric=metric)
    table = pandas.DataFrame(X)
    for form in (
        X.tolist(),
        list(X),
        [torch.tensor(row, requires_grad=True) for row in X],
        WithArray(X),
        WithInterface(X),
        WithDlpack(X),
        torch.tensor(X, requires_grad=True),
        torch._neg_view(torch.from_numpy(-X)),
        np.ma.masked_array(X),
        table,
        table.astype("Float32"),
        xr.DataArray(X),
    ):
        assert foretell.information_imbalance(form, Y, metric=metric) == expected, type(form)


def test_bools_of_pandas_are_bits() -> None:
    bits = pandas.DataFrame(X > 0)
    expected = foretell.information_imbalance(X, Y)
    assert foretell.information_imbalance(bits, Y) == expected
    assert foretell.information_imbalance(bits.astype("boolean"), Y) == expected
    holed = bits.astype("boolean")
    holed.iloc[3, 4] = pandas.NA
    with pytest.raises(InputError, match="a: Some bools are missing"):
        foretell.information_imbalance(holed, Y)


def holed_table() -> Any:
    table = pandas.DataFrame(X).astype("Float64")
    table.iloc[7, 2] = pandas.NA
    return table


NO_ARRAYS = [
    (np.ma.masked_array(X, mask=X > 2), r"masked array that hides \d+ numbers.*filled"),
    (np.ma.masked_invalid(np.where(X > 2, np.nan, X)), "masked array that hides"),
    (Sparse(), r"sparse matrix .*toarray\(\)"),
    (torch.tensor(X).to_sparse(), r"sparse matrix .*to_dense\(\)"),
    (pandas.DataFrame(X).assign(text=NAMES), "Column 'text' of the table is of .*set_index"),
    (xr.Dataset({"x": (("item", "dimension"), X), "y": (("item", "dimension"), Y)}), r"give one of them \(x, y\)"),
    (torch.ones(30, 3, device="meta"), "no array of numbers .*meta"),
    ({"x": X}, "A dict is no array"),
    ("x.npy", "A str is no array"),
    (None, "A NoneType is no array"),
    ([[1.0, 2.0], [3.0]], "no array of numbers"),
]
NO_NUMBERS = [(X.astype(object), "not of object: give"), (holed_table(), "NaN or infinity .* item 7")]


@pytest.mark.parametrize(
    ("metric", "form", "message"),
    [
        *((metric, *case) for metric in (*METRICS, "precomputed") for case in NO_ARRAYS),
        *((metric, *case) for metric in METRICS for case in NO_NUMBERS),
    ],
)
def test_what_is_refused(metric: str, form: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^a: .*{message}") as caught:
        foretell.information_imbalance(form, Y, metric=metric)
    assert "\n" not in str(caught.value)


def test_spaces_of_another_metric_are_refused() -> None:
    with pytest.raises(InputError, match=r"a: A space of floats .* give metric='euclidean'"):
        foretell.information_imbalance(foretell.FloatSpace(X), Y)
    with pytest.raises(InputError, match=r"b: A space of bits .* give metric='hamming'"):
        foretell.information_imbalance(X, foretell.BinarySpace.from_activations(Y), metric="cosine")


@pytest.mark.parametrize("make", [foretell.BinarySpace.from_activations, foretell.FloatSpace])
def test_spaces_keep_the_index_and_are_aligned_by_it(make: Any) -> None:
    table = pandas.DataFrame(X, index=NAMES)
    labelled = xr.DataArray(Y[::-1], dims=("text", "dimension"), coords={"text": NAMES[::-1]})
    spaces = make(table), make(labelled)
    assert spaces[0].ids == tuple(NAMES)
    assert make(table, [f"other {name}" for name in NAMES]).ids[0] == "other text 0"
    metric = "euclidean" if make is foretell.FloatSpace else "hamming"
    with pytest.raises(AlignmentError, match=r"foretell\.align"):
        foretell.information_imbalance(*spaces, metric=metric)
    aligned = foretell.align(*spaces)
    assert foretell.information_imbalance(*aligned, metric=metric) == foretell.information_imbalance(
        X, Y, metric=metric
    )
    with pytest.raises(InputError, match=r"space 1 is a DataFrame: .*foretell\.FloatSpace"):
        foretell.align(spaces[0], table)


def test_results_have_the_names_of_their_items() -> None:
    table = pandas.DataFrame(X, index=pandas.MultiIndex.from_product([["a", "b", "c"], range(10)]))
    each = foretell.item_imbalance(Y, table)
    assert each["item"].values.tolist()[:2] == ["('a', 0)", "('a', 1)"]
    square = pandas.DataFrame(distances(X), index=NAMES, columns=NAMES)
    each = foretell.item_imbalance(square, distances(Y), metric="precomputed")
    assert each["item"].values.tolist() == NAMES
    matrix = foretell.imbalance_matrix([Y], [pandas.DataFrame(X, index=NAMES)], subsample=12)
    assert set(items_of(matrix).ids) < set(NAMES)


def test_items_and_groups_have_names_or_none() -> None:
    x = np.random.default_rng(0).standard_normal((12, 8))
    numbered = pandas.DataFrame(x, index=range(100, 112))
    assert list(items_of(foretell.imbalance_curve([numbered], [x])).ids) == [str(one) for one in range(100, 112)]
    with pytest.raises(InputError, match="The index of the table, which names the items, has gaps"):
        foretell.information_imbalance(pandas.DataFrame(x, index=["a", None, *map(str, range(10))]), x)
    with pytest.raises(InputError, match=r"The groups are one text, 'aabbccddeeff', and not a label an item"):
        foretell.imbalance_curve([x], [x[::-1]], groups="aabbccddeeff")
    pairs = foretell.imbalance_curve([x], [x[::-1]], groups=(str(item // 2) for item in range(12)))  # type: ignore[arg-type]
    assert pairs.attrs["n_groups"] == 6


def test_labels_of_distances_are_checked() -> None:
    d = distances(X)
    square = pandas.DataFrame(d, index=NAMES, columns=NAMES)
    with pytest.raises(InputError, match=r"a: The rows and the columns .* different orders"):
        foretell.information_imbalance(square[NAMES[::-1]], d, metric="precomputed")
    with pytest.raises(AlignmentError, match="the same ids in another order"):
        foretell.information_imbalance(square, square.iloc[::-1, ::-1], metric="precomputed")
    expected = foretell.information_imbalance(d, distances(Y), metric="precomputed")
    for form in (square, torch.tensor(d, requires_grad=True), xr.DataArray(d), d.tolist(), WithDlpack(d)):
        assert foretell.information_imbalance(form, distances(Y), metric="precomputed") == expected


def test_layers_of_xarray_keep_their_names() -> None:
    both = xr.DataArray(
        np.stack([X, Y]), dims=("layer", "item", "dimension"), coords={"layer": ["early", "late"], "item": NAMES}
    )
    result = foretell.imbalance_matrix(both, {"x": X})
    assert result["a"].values.tolist() == ["early", "late"]
    assert list(items_of(result).ids) == NAMES
    assert result["imbalance"].sel(direction="a_to_b", a="early", b="x") == 0
    by_name = xr.Dataset({str(x["layer"].item()): x.drop_vars("layer") for x in both})
    assert foretell.imbalance_curve(by_name, by_name)["layer"].values.tolist() == ["early", "late"]


@pytest.mark.parametrize("one", [X, X[:, 0], pandas.DataFrame(X), torch.tensor(X), foretell.FloatSpace(X), "x.npy", 3])
def test_one_space_is_not_several(one: Any) -> None:
    with pytest.raises(InputError, match=r"^spaces_a is one \w+, not several spaces: .*list"):
        foretell.imbalance_matrix(one, [Y])


def test_groups_come_in_any_form() -> None:
    labels = [f"book {number // 2}" for number in range(30)]
    column = pandas.Series(labels, index=NAMES[::-1])  # by place: its index is not looked at
    expected = foretell.imbalance_matrix([X], [Y], groups=labels, null=5, strata=labels)
    form: Any
    for form in (tuple(labels), np.array(labels), column, xr.DataArray(labels), column.astype("category")):
        assert foretell.imbalance_matrix([X], [Y], groups=form, null=5, strata=form).identical(expected), type(form)
    numbers = foretell.imbalance_matrix([X], [Y], groups=torch.arange(30) // 2)
    assert (items_of(numbers).groups or ())[:3] == ("0", "0", "1")
    assert numbers["stderr"].equals(expected["stderr"])
    hole: Any
    for hole in (None, float("nan"), pandas.NA):
        with pytest.raises(InputError, match="Item 4 has no label among the groups"):
            foretell.imbalance_matrix([X], [Y], groups=[*labels[:4], hole, *labels[5:]])
