"""Curves and matrices: the same numbers as two arrays give, labelled as docs/result.md says."""

from __future__ import annotations

import copy
import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, WriteError
from foretell.measure.imbalance.information_imbalance import _check_scores
from foretell.measure.inference.item_data import ItemData, items_of, scores_of
from foretell.measure.inference.p_values import group_permutations, permutations
from foretell.measure.results.schema import to_frame
from tests.options import call, under

RNG = np.random.default_rng(0)
N = 130  # no multiple of a tile
Z = RNG.standard_normal((N, 6))


def layer(n_bits: int, noise: float) -> Any:
    return Z @ RNG.standard_normal((6, n_bits)) + noise * RNG.standard_normal((N, n_bits))


A = {"emb": layer(7, 1), "mid": layer(90, 0.5), "top": layer(64, 2)}
B = {"emb": layer(64, 3), "mid": layer(33, 0.5), "top": layer(5, 1)}


@pytest.mark.parametrize("backend", ["numkong", "numpy"])
@pytest.mark.parametrize("convention", ["adjusted", "paper"])
def test_every_cell_is_what_two_arrays_give(backend: str, convention: str) -> None:
    options: dict[str, Any] = {"k": 2, "convention": convention, "backend": backend}
    matrix = call(foretell.imbalance_matrix, A, B, **options)
    curve = call(foretell.imbalance_curve, A, B, **options)
    for a, in_a in A.items():
        for b, in_b in B.items():
            ii = foretell.information_imbalance(in_a, in_b, k=2, convention=convention)
            cell = matrix.sel(a=a, b=b)
            for direction, value, error in (
                ("a_to_b", ii.a_to_b, ii.stderr_a_to_b),
                ("b_to_a", ii.b_to_a, ii.stderr_b_to_a),
            ):
                one = cell.sel(direction=direction)
                assert one["imbalance"].item() == pytest.approx(value, abs=1e-12)
                assert one["stderr"].item() == pytest.approx(error, abs=1e-10)
                width = one["high"].item() - one["low"].item()
                assert width == pytest.approx(2 * 1.9785 * error, rel=1e-4)  # t of 129 degrees of freedom
        xr.testing.assert_allclose(
            curve[["imbalance", "stderr"]].sel(layer=a).drop_vars("layer"),
            matrix[["imbalance", "stderr"]].sel(a=a, b=a).drop_vars(["a", "b"]),
        )


def test_the_null_is_that_of_permuted_items() -> None:
    result = foretell.imbalance_curve(A, B, null=30, seed=5)
    draws = np.array(
        [
            [
                [foretell.information_imbalance(near[name], np.asarray(ranked[name])[p]).a_to_b for name in A]
                for near, ranked in ((A, B), (B, A))
            ]
            for p in permutations(N, 30, 5)
        ]
    )
    # Item i of the side that neighbours are taken in goes with item p[i] of the other, the same p for every layer.
    assert np.allclose(result["null"], np.quantile(draws, [0.025, 0.5, 0.975], axis=0), atol=1e-12)
    value = result["imbalance"].values
    assert np.allclose(result["p_value"], (1 + (draws <= value).sum(0)) / 31)
    least = (draws.min(axis=2) <= value.min(axis=1)).sum(0)
    assert np.allclose(result["p_value_minimum"], (1 + least) / 31)
    oracle = under(backend="numpy").imbalance_curve(A, B, null=30, seed=5)
    assert np.allclose(result["null"], oracle["null"], atol=1e-12)


UNEQUAL = np.repeat(np.arange(30), np.resize([1, 2, 3, 5, 8], 30))


def test_whole_groups_change_places_with_groups_as_large() -> None:
    groups = np.random.default_rng(0).permutation(UNEQUAL)
    drawn = group_permutations(groups, 200, 3)
    assert (np.sort(drawn, axis=1) == np.arange(len(groups))).all()
    sizes = np.bincount(groups)
    partners = set()
    for permutation in drawn:
        for group in range(30):
            goes_with = set(groups[permutation[groups == group]])
            assert len(goes_with) == 1
            (other,) = goes_with
            assert sizes[other] == sizes[group]
            partners.add((group, other))
    assert len(partners) == sum(6 * 6 for _ in range(5))  # every group meets all six of its size
    within = drawn[:, groups == 4][groups[drawn[:, groups == 4][:, 0]] == 4]
    assert len({tuple(row) for row in within}) > 1
    assert not (group_permutations(groups, 5, 3) != drawn[:5]).any()


def test_shared_groups_alone_are_no_evidence() -> None:
    """A and B share nothing but which items are of a group: free permutations are fooled, those of groups are not."""
    p_of_groups, p_free = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(40), rng.integers(1, 7, 40))
        a, b = (rng.standard_normal((40, 50))[groups] + rng.standard_normal((len(groups), 50)) for _ in range(2))
        names = [f"g{g}" for g in groups]
        kept = foretell.imbalance_curve([a], [b], null=99, groups=names, errors=False)
        free = foretell.imbalance_curve([a], [b], null=99, errors=False)
        assert np.array_equal(kept["null"], free["null"])
        assert 0.9 < kept["null"].sel(quantile=0.5).min() < 1.1
        assert (kept["null_of_groups"].sel(quantile=0.5) < 0.8).all()
        p_of_groups.append(kept["p_value_minimum"].values)
        p_free.append(free["p_value_minimum"].values)
    assert (np.array(p_free) == 0.01).all()
    share = (np.array(p_of_groups) <= 0.05).mean()
    assert share <= 0.13  # .05 but for chance: 120 values, of which pairs depend on each other
    assert np.mean(p_of_groups) == pytest.approx(0.5, abs=0.12)


def test_parts_and_copies_of_a_result_keep_its_scores() -> None:
    whole = foretell.imbalance_curve(A, B)
    weights = {("a_to_b", "mid"): 1.0, ("b_to_a", "top"): -1.0}
    expected = foretell.contrast(whole, weights)
    for part in (
        whole.isel(direction=[1, 0]),
        whole.isel(direction=[0]),
        whole.isel(layer=[1, 2]),
        whole.isel(layer=[2, 1, 0]),
        whole.copy(deep=True),
        pickle.loads(pickle.dumps(whole)),  # noqa: S301 - what it reads was made here
        copy.deepcopy(whole),
        whole.assign_attrs(more=1).drop_vars("stderr"),
    ):
        assert foretell.contrast(part, weights) == expected
        assert items_of(part) == items_of(whole)
    with pytest.raises(InputError, match="does not hold its items"):
        foretell.contrast(whole.drop_attrs(), weights)
    assert items_of(whole) != items_of(foretell.imbalance_curve(B, A))
    assert repr(items_of(whole)) == "130 items, scores of 6 cells (foretell.save_result writes them)"
    with pytest.raises(OptionError, match="A contrast of no cells"):
        foretell.contrast(whole, {})
    assert foretell.contrast(whole, weights) == expected
    numbered = foretell.imbalance_curve(list(A.values()), list(B.values()))
    assert foretell.contrast(numbered, {("a_to_b", 1): 1, ("b_to_a", 2): -1}) == expected


def test_nothing_depends_on_threads_and_the_seed_decides_the_null() -> None:
    one = under(threads=1).imbalance_matrix(A, B, null=7)
    for threads in (2, 5):
        xr.testing.assert_identical(under(threads=threads).imbalance_matrix(A, B, null=7), one)
    other = foretell.imbalance_matrix(A, B, null=7, seed=1)
    xr.testing.assert_identical(other["imbalance"].drop_attrs(), one["imbalance"].drop_attrs())
    assert (other["null"] != one["null"]).any()


def test_a_constant_space_is_warned_of_and_the_rest_goes_on() -> None:
    constant = {**A, "mid": np.ones((N, 9))}
    with pytest.warns(ConstantSpaceWarning, match="space mid of A"):
        result = foretell.imbalance_curve(constant, B, null=20)
    assert result["imbalance"].sel(direction="a_to_b", layer="mid").item() == 1
    assert result["stderr"].sel(direction="a_to_b", layer="mid").item() == 0
    gone = result.sel(direction="b_to_a", layer="mid")
    assert np.isnan([gone["imbalance"].item(), gone["stderr"].item(), gone["p_value"].item()]).all()
    rest = foretell.imbalance_curve(A, B, null=20).sel(layer=["emb", "top"])
    names = ["imbalance", "stderr", "null", "p_value"]
    xr.testing.assert_identical(result[names].sel(layer=["emb", "top"]).drop_attrs(), rest[names].drop_attrs())
    assert np.isfinite(result["p_value_minimum"]).all()
    semantic = foretell.semantic_layers(result)
    assert 1 not in semantic["b_to_a"].confidence_set


def test_bad_options() -> None:
    with pytest.raises(InputError, match="no spaces"):
        foretell.imbalance_matrix({}, B)
    with pytest.raises(InputError, match="same names"):
        foretell.imbalance_curve(A, {"x": B["emb"]})
    for option in ({"null": -1}, {"seed": -1}, {"seed": None}, {"errors": "jackknife"}, {"null": 2.5}):
        (name,) = option
        with pytest.raises(OptionError, match=f"{name}=.* is not an option"):
            foretell.imbalance_curve(A, B, **option)
    whole: dict[str, Any] = {"null": np.int64(2), "threads": np.int64(1), "k": np.int64(2)}
    assert call(foretell.imbalance_curve, A, B, **whole).attrs["null_permutations"] == 2
    with pytest.raises(InputError, match="give every space one"):
        foretell.imbalance_curve({1: A["emb"], "1": A["mid"]}, {"1": B["emb"]})
    with pytest.raises(OptionError, match=r"named_cells='nope' .* 'emb', 'mid', 'top'"):
        foretell.imbalance_matrix(A, B, named_cells=[("emb", "nope")])
    with pytest.raises(InputError, match="3 groups for 130 items"):
        foretell.imbalance_curve(A, B, groups=["x", "y", "z"])


# --- the schema ---------------------------------------------------------------------------------


def documented(section: str) -> set[str]:
    """Names in the first column of a table of docs/result.md."""
    text = (Path(__file__).parents[3] / "docs" / "result.md").read_text()
    table = text.split(f"## {section}")[1].split("##")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell.split("(")[0])}


@pytest.fixture
def curve() -> xr.Dataset:
    return foretell.imbalance_curve(A, B, null=5, groups=[f"g{i // 3}" for i in range(N)])


def test_a_curve_is_as_documented(curve: xr.Dataset) -> None:
    assert set(curve.variables) <= documented("Variables") | documented("Dimensions and coordinates")
    assert set(curve.data_vars) == documented("Variables")
    assert set(curve.attrs) <= documented("Attributes")
    assert curve["imbalance"].dims == ("direction", "layer")
    assert curve["null"].dims == ("quantile", "direction", "layer")
    scores, places = scores_of(curve)
    assert scores.psi.shape == (6, N)
    assert list(places) == [(direction, layer) for direction in ("a_to_b", "b_to_a") for layer in A]
    assert curve.attrs["schema_version"] == 1
    assert (curve.attrs["n"], curve.attrs["n_items"], curve.attrs["n_groups"]) == (N - 1, N, 44)
    assert items_of(curve).groups == tuple(f"g{i // 3}" for i in range(N))
    assert json.loads(curve.attrs["versions"])["foretell"] == foretell.__version__
    assert np.abs(scores.psi.sum(axis=1)).max() < 1e-9
    of_items = items_of(curve).to_dataset()
    assert set(of_items.variables) <= documented("Items")
    assert set(of_items.variables) == documented("Items") - {"stratum", "a", "b"}


def test_a_matrix_is_as_documented() -> None:
    matrix = foretell.imbalance_matrix(A, B, named_cells=[("emb", "top"), ("mid", "mid")])
    assert set(matrix.variables) <= documented("Variables") | documented("Dimensions and coordinates")
    assert matrix["imbalance"].dims == ("direction", "a", "b")
    cells = [cell[1:] for cell in items_of(matrix).cells if cell[0] == "a_to_b"]
    assert cells[:4] == [("emb", "emb"), ("mid", "mid"), ("top", "top"), ("emb", "top")]
    several = foretell.imbalance_matrix(A, B, k=[1, 3], null=3, per_item=False)
    assert several["imbalance"].dims == ("k", "direction", "a", "b")
    assert set(several.variables) <= documented("Variables") | documented("Dimensions and coordinates")
    each = foretell.imbalance_matrix(A, B, k=2, per_item=True)
    assert each["neighbour"].dims == ("direction", "a", "b", "query", "place")
    assert set(each.data_vars) - set(matrix.data_vars) == documented("Neighbours of every item")
    assert set(each.coords) <= documented("Dimensions and coordinates")
    wide = foretell.imbalance_matrix(A, {"x": B["emb"]})
    assert wide["stderr"].shape == (2, 3, 1)
    assert {cell[1:] for cell in items_of(wide).cells} == {(layer, "x") for layer in A}
    bare = foretell.imbalance_matrix(A, B, errors=False)
    assert set(bare.data_vars) == {"imbalance"}


def test_a_result_comes_back_from_its_file(curve: xr.Dataset, tmp_path: Path) -> None:
    path = foretell.save_result(curve, tmp_path / "deep" / "result.nc")
    again = foretell.load_result(path)
    xr.testing.assert_identical(again, curve)
    weights = {("a_to_b", "emb"): 1.0, ("b_to_a", "top"): -1.0}
    assert foretell.contrast(again, weights) == foretell.contrast(curve, weights)
    assert [p.name for p in path.parent.iterdir()] == ["result.nc"]
    foretell.save_result(curve, path)  # over the old one


def test_other_programs_write_and_read_the_values(curve: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="scores of 6 cells"):
        curve.to_netcdf(tmp_path / "values.nc", engine="h5netcdf")
    curve.assign_attrs(items="none").to_netcdf(tmp_path / "values.nc", engine="h5netcdf")
    values = foretell.load_result(tmp_path / "values.nc")
    assert values["imbalance"].equals(curve["imbalance"])
    with pytest.raises(InputError, match="does not hold its items"):
        foretell.contrast(values, {("a_to_b", "emb"): 1})
    path = foretell.save_result(curve, tmp_path / "result.nc")
    tree = xr.open_datatree(path, engine="h5netcdf")
    assert tree.children["items"].to_dataset(inherit=False).equals(items_of(curve).to_dataset())
    tree.close()
    assert foretell.load_result(path, values_only=True).drop_attrs().equals(curve.drop_attrs())


@pytest.mark.parametrize("name", ["edge_cell", "edge_query", "edge_candidate"])
@pytest.mark.parametrize("place", [-1, 10**6])
def test_edges_that_point_nowhere_are_refused(curve: xr.Dataset, name: str, place: int) -> None:
    damaged = items_of(curve).to_dataset()
    damaged[name][3] = place
    with pytest.raises(ValueError, match="points at no item or cell"):
        ItemData.from_dataset(damaged)
    with pytest.raises(ValueError, match="scores are not of shape"):
        ItemData.from_dataset(damaged.assign(scores=damaged["scores"].T))


def test_a_table_of_a_result_is_as_large_as_its_values() -> None:
    layers = np.random.default_rng(0).standard_normal((5, 500, 8))
    curve = foretell.imbalance_curve(layers, layers[::-1], null=20)
    assert len(curve.to_dataframe()) == 2 * 5 * 3  # the null has three quantiles
    assert curve["imbalance"].sel(direction="a_to_b", layer=3) == curve["imbalance"][0, 3]
    assert curve["layer"].dtype == int
    assert len(curve["imbalance"].plot.line(x="layer")) == 2
    frame = to_frame(curve)
    assert list(frame.columns[:3]) == ["direction", "layer", "imbalance"]
    assert frame["imbalance"].tolist() == curve["imbalance"].values.ravel().tolist()
    assert frame["null_0.5"].tolist() == curve["null"].sel(quantile=0.5).values.ravel().tolist()
    assert set(frame["n"]) == {499}
    matrix = foretell.imbalance_matrix(layers, {"early": layers[0], "late": layers[4]})
    assert list(to_frame(matrix).columns[:3]) == ["direction", "a", "b"]
    assert len(to_frame(matrix)) == len(matrix.to_dataframe()) == 2 * 5 * 2
    with pytest.raises(InputError, match="A table is made of a curve, a map or similarities"):
        to_frame(foretell.item_imbalance(layers[0], layers[1]).drop_vars("imbalance"))


def test_a_map_keeps_scores_of_cells_that_one_may_contrast() -> None:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((60, 40))
    a = [shared + noise * rng.standard_normal((60, 40)) for noise in (3, 1, 2, 0.2, 3)]
    b = [shared + noise * rng.standard_normal((60, 40)) for noise in (3, 0.1, 3)]
    matrix = foretell.imbalance_matrix(a, b, named_cells=[("4", "0")])
    cells = {cell[1:] for cell in items_of(matrix).cells}
    depths = {("0", "0"), ("1", "0"), ("2", "1"), ("3", "1"), ("4", "2")}
    assert cells == depths | {("4", "0"), ("3", "1")}
    values = matrix["imbalance"].values
    assert np.unravel_index(values[0].argmin(), (5, 3)) == (3, 1)
    wide = foretell.imbalance_matrix(a, b[1::-1])
    best = tuple(str(place) for place in np.unravel_index(wide["imbalance"].values[0].argmin(), (5, 2)))
    assert best == ("3", "0")  # which is at no equal depth
    assert best in {cell[1:] for cell in items_of(wide).cells}
    every = foretell.imbalance_matrix(a, b, named_cells="all")
    assert {cell[1:] for cell in items_of(every).cells} == {(str(s), str(t)) for s in range(5) for t in range(3)}
    for cell in items_of(matrix).cells:
        assert foretell.contrast(matrix, {cell: 1.0}) == foretell.contrast(every, {cell: 1.0})
        tested = foretell.contrast(matrix, {cell: 1.0})
        value, stderr = tested.value, tested.stderr
        at = matrix.sel(direction=cell[0], a=int(cell[1]), b=int(cell[2]))
        assert value == at["imbalance"].item()
        assert stderr == pytest.approx(at["stderr"].item())
    with pytest.raises(OptionError, match=r"named_cells='some' is not an option"):
        foretell.imbalance_matrix(a, b, named_cells="some")  # type: ignore[arg-type]
    _check_scores(2**10, 2**16)
    with pytest.raises(OptionError, match=r"named_cells='all' would take 2048 MiB of scores, and the most is 1024"):
        _check_scores(2**10, 2**17)


def test_files_that_are_no_results(curve: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no result at"):
        foretell.load_result(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("hello")
    with pytest.raises(InputError, match="cannot be read as netCDF4"):
        foretell.load_result(tmp_path / "text.nc")
    xr.Dataset({"x": 1}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="not a result of Foretell's"):
        foretell.load_result(tmp_path / "other.nc")
    del (unversioned := curve.copy()).attrs["schema_version"]
    foretell.save_result(unversioned, tmp_path / "unversioned.nc")
    with pytest.raises(InputError, match="schema version None"):
        foretell.load_result(tmp_path / "unversioned.nc")
    foretell.save_result(curve.assign_attrs(schema_version=2), tmp_path / "newer.nc")
    with pytest.raises(InputError, match="schema version 2"):
        foretell.load_result(tmp_path / "newer.nc")


def test_a_failed_save_loses_nothing(curve: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = foretell.save_result(curve, tmp_path / "result.nc")
    before = path.read_bytes()

    def fail(made: Any) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr("foretell.measure.results.result_files.seal_of", fail)  # when the file is half written
    with pytest.raises(WriteError, match="disk full"):
        foretell.save_result(curve, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["result.nc"]


def test_the_table_is_tidy(curve: xr.Dataset, tmp_path: Path) -> None:
    from foretell.measure.results.result_files import write_csv

    curve = curve.assign_coords(relative_depth=("layer", [0.0, 0.5, 1.0]))
    lines = write_csv(curve, tmp_path / "result.csv").read_text().splitlines()
    header = lines[0].split(",")
    assert header[:4] == ["direction", "layer", "relative_depth", "imbalance"]
    assert len(lines) == 1 + 2 * 3
    row = dict(zip(header, lines[5].split(","), strict=True))
    assert (row["direction"], row["layer"]) == ("b_to_a", "mid")
    cell = curve.sel(direction="b_to_a", layer="mid")
    assert float(row["imbalance"]) == cell["imbalance"].item()
    assert float(row["null_0.5"]) == cell["null"].sel(quantile=0.5).item()


def test_layers_of_one_array_are_each_their_own() -> None:
    rng = np.random.default_rng(0)
    layers_a, layers_b = rng.standard_normal((2, 3, 30, 16))
    whole = foretell.imbalance_matrix(layers_a, layers_b)["imbalance"]
    in_lists = foretell.imbalance_matrix(list(layers_a), list(layers_b))["imbalance"]
    np.testing.assert_array_equal(whole, in_lists)
    by_name = xr.Dataset({str(layer): (("item", "dimension"), x) for layer, x in enumerate(layers_a)})
    in_dataset = foretell.imbalance_matrix(by_name, by_name)["imbalance"]
    assert in_dataset.sel(direction="a_to_b").values.diagonal().tolist() == [0, 0, 0]
