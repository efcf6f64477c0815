"""Curves and matrices: the same numbers as two arrays give, labelled as docs/result.md says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.exceptions import ConstantSpaceWarning, InputError, NotAvailableError, OptionError
from foretell.measure.inference import permutations
from foretell.measure.result import DIRECTIONS

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
    matrix = foretell.imbalance_matrix(A, B, **options)
    curve = foretell.imbalance_curve(A, B, **options)
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
                assert one["high"].item() - one["low"].item() == pytest.approx(2 * 1.96 * error, rel=1e-4)
        xr.testing.assert_allclose(
            curve[["imbalance", "stderr"]].sel(layer=a).drop_vars("layer"),
            matrix[["imbalance", "stderr"]].sel(a=a, b=a).drop_vars(["a", "b"]),
        )


def test_the_null_is_that_of_permuted_items() -> None:
    result = foretell.imbalance_curve(A, B, null=30, seed=5)
    draws = np.array(
        [
            [
                [getattr(foretell.information_imbalance(A[name], np.asarray(B[name])[p]), direction) for name in A]
                for direction in DIRECTIONS
            ]
            for p in permutations(N, 30, 5)
        ]
    )
    # Item i of A goes with item p[i] of B, the same p for every layer and both directions.
    assert np.allclose(result["null"], np.quantile(draws, [0.025, 0.5, 0.975], axis=0), atol=1e-12)
    value = result["imbalance"].values
    assert np.allclose(result["p_value"], (1 + (draws <= value).sum(0)) / 31)
    least = (draws.min(axis=2) <= value.min(axis=1)).sum(0)
    assert np.allclose(result["p_value_minimum"], (1 + least) / 31)
    oracle = foretell.imbalance_curve(A, B, null=30, seed=5, backend="numpy")
    assert np.allclose(result["null"], oracle["null"], atol=1e-12)


def test_the_null_keeps_groups_together() -> None:
    groups = np.repeat(np.arange(30), 4)
    drawn = permutations(120, 200, 3, groups)
    assert (np.sort(drawn, axis=1) == np.arange(120)).all()
    # Groups of equal size go to groups whole, and are shuffled inside.
    moved = groups[drawn].reshape(200, 30, 4)
    assert (moved == moved[:, :, :1]).all()
    assert len({tuple(row) for row in moved[:, :, 0]}) == 200
    assert (drawn[:, ::4] % 4 != 0).any()
    # Where neighbours share a group, that alone lowers the null; free permutations would not see it.
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((2, 30, 50))
    a, b = (c[groups] + 0.3 * rng.standard_normal((120, 50)) for c in centres)
    kept = foretell.imbalance_curve([a], [b], null=200, groups=[f"g{g}" for g in groups])["null"]
    free = foretell.imbalance_curve([a], [b], null=200)["null"]
    assert (free.sel(quantile=0.5) > 0.95).all()
    assert (kept.sel(quantile=0.975) < 0.5).all()


def test_nothing_depends_on_threads_and_the_seed_decides_the_null() -> None:
    one = foretell.imbalance_matrix(A, B, null=7, threads=1)
    for threads in (2, 5):
        xr.testing.assert_identical(foretell.imbalance_matrix(A, B, null=7, threads=threads), one)
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


def test_what_is_kept_for_later_raises() -> None:
    for option in (
        {"candidates": "split"},
        {"subsample": 0.5},
        {"queries": 10},
        {"memory": "1 GiB"},
        {"cluster": "auto"},
        {"per_item": True},
    ):
        name = next(iter(option))
        with pytest.raises(NotAvailableError, match=f"{name}=.* is not available yet"):
            foretell.imbalance_matrix(A, B, **option)


def test_bad_options() -> None:
    with pytest.raises(InputError, match="no spaces"):
        foretell.imbalance_matrix({}, B)
    with pytest.raises(InputError, match="same names"):
        foretell.imbalance_curve(A, {"x": B["emb"]})
    with pytest.raises(OptionError, match="null=-1"):
        foretell.imbalance_curve(A, B, null=-1)
    with pytest.raises(OptionError, match=r"named_cells='nope' .* 'emb', 'mid', 'top'"):
        foretell.imbalance_matrix(A, B, named_cells=[("emb", "nope")])
    with pytest.raises(InputError, match="3 groups for 130 items"):
        foretell.imbalance_curve(A, B, groups=["x", "y", "z"])


# --- the schema ---------------------------------------------------------------------------------


def documented(section: str) -> set[str]:
    """Names in the first column of a table of docs/result.md."""
    text = (Path(__file__).parents[2] / "docs" / "result.md").read_text()
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
    assert curve["score"].dims == ("direction", "cell", "item")
    assert curve["cell_a"].values.tolist() == list(A)
    assert curve.attrs["schema_version"] == 1
    assert (curve.attrs["n"], curve.attrs["n_items"], curve.attrs["n_groups"]) == (N - 1, N, 44)
    assert curve["group"].dims == ("item",)
    assert json.loads(curve.attrs["versions"])["foretell"] == foretell.__version__
    assert np.abs(curve["score"].sum("item")).max() < 1e-9


def test_a_matrix_is_as_documented() -> None:
    matrix = foretell.imbalance_matrix(A, B, named_cells=[("emb", "top"), ("mid", "mid")])
    assert set(matrix.variables) <= documented("Variables") | documented("Dimensions and coordinates")
    assert matrix["imbalance"].dims == ("direction", "a", "b")
    cells = list(zip(matrix["cell_a"].values, matrix["cell_b"].values, strict=True))
    assert cells == [("emb", "emb"), ("mid", "mid"), ("top", "top"), ("emb", "top")]
    wide = foretell.imbalance_matrix(A, {"x": B["emb"]})
    assert "score" not in wide
    assert wide["stderr"].shape == (2, 3, 1)
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


def test_files_that_are_no_results(curve: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no result at"):
        foretell.load_result(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("hello")
    with pytest.raises(InputError, match="cannot be read as netCDF4"):
        foretell.load_result(tmp_path / "text.nc")
    xr.Dataset({"x": 1}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="not a result of Foretell's"):
        foretell.load_result(tmp_path / "other.nc")
    foretell.save_result(curve.assign_attrs(schema_version=2), tmp_path / "newer.nc")
    with pytest.raises(InputError, match="schema version 2"):
        foretell.load_result(tmp_path / "newer.nc")


def test_a_failed_save_loses_nothing(curve: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = foretell.save_result(curve, tmp_path / "result.nc")
    before = path.read_bytes()

    def fail(_: xr.Dataset, path: Path, **__: Any) -> None:
        path.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", fail)
    with pytest.raises(OSError, match="disk full"):
        foretell.save_result(curve, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["result.nc"]


def test_the_table_is_tidy(curve: xr.Dataset, tmp_path: Path) -> None:
    from foretell.measure.result import write_csv

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
