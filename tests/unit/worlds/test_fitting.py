"""The shipped figures: complete, sourced, and what the traces say."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import yaml

from stillwatch.errors import InputError
from stillwatch.worlds import traces
from stillwatch.worlds.figures import LEVELS, TOLERANCE, list_differences, render_figures
from stillwatch.worlds.fitting import fit_figures, main, measure_shared_ratios
from stillwatch.worlds.population import make_population
from stillwatch.worlds.presets import load_world
from stillwatch.worlds.traffic import TrafficModel

TRACES = Path("/work/shared/data/usage")


def _read_shipped() -> dict:
    return yaml.safe_load(
        resources.files("stillwatch.worlds").joinpath("traces.yml").read_text("utf-8")
    )


def test_figures__name_their_source_and_licence():
    for name, row in _read_shipped().items():
        assert row["source"], name
        assert row["licence"] in {"CC-BY-4.0", "Apache-2.0"}, name
        assert row["record_count"] > 0, name


@pytest.mark.shared_data
@pytest.mark.skipif(not TRACES.is_dir(), reason=f"the public traces are not at {TRACES}")
def test_figures__are_refitted_from_the_traces():
    fitted = {figure.name: figure for figure in fit_figures(TRACES)}
    shipped = _read_shipped()
    assert set(fitted) == set(shipped)
    for name, figure in fitted.items():
        assert figure.record_count == shipped[name]["record_count"], name
        assert np.allclose(figure.values, shipped[name]["values"], rtol=TOLERANCE), name
    assert yaml.safe_load(render_figures(fitted.values())) == shipped
    assert list_differences(fitted.values(), shipped) == []


@pytest.mark.shared_data
@pytest.mark.skipif(not TRACES.is_dir(), reason=f"the public traces are not at {TRACES}")
def test_main__says_which_figure_is_not_as_fitted(monkeypatch, capsys):
    table = _read_shipped()
    name = "client_rate_sigma"
    table[name]["values"] = [table[name]["values"][0] * (1 + 5 * TOLERANCE)]
    del table["hour_shares"]
    monkeypatch.setattr("stillwatch.worlds.fitting.read_shipped", lambda: table)
    assert main(["--check", str(TRACES)]) == 1
    said = capsys.readouterr().err
    assert "client_rate_sigma: " in said
    assert "hour_shares: fitted, not in the table" in said
    assert said.count("\n") == 3


def test_list_differences__names_rows_that_nothing_gives():
    assert list_differences([], {"old": {}}) == ["old: in the table, not fitted"]


def test_measure_shared_ratios__leaves_out_the_block_that_all_prompts_share():
    ratios = measure_shared_ratios(
        [
            [0, 1, 2],
            [0, 1, 3, 4, 5],  # one of its four other blocks was seen before
            [0, 1, 3, 9, 8, 7, 6],
            [0, 20],
        ]
    )
    assert ratios == pytest.approx([0, 1 / 4, 2 / 6, 0])


def test_figures__are_all_drawn_from(monkeypatch):
    drawn: set[str] = set()

    class Watched(dict):
        def __getitem__(self, name):
            drawn.add(name)
            return super().__getitem__(name)

    table = Watched(traces.load_figures())
    monkeypatch.setattr(traces, "load_figures", lambda: table)
    world = load_world("demo")
    population = make_population(world, 1)
    TrafficModel(world, population, 1).draw_day(world.first_day)
    assert drawn == set(table)


def test_draw_cached_ratios__most_prompts_are_new_and_some_are_known_nearly_whole():
    ratios = traces.draw_cached_ratios(np.random.default_rng(0), 20_000)
    assert ((ratios >= 0) & (ratios < 1)).all()
    assert np.median(ratios) == pytest.approx(0.0, abs=0.02)
    assert np.quantile(ratios, 0.9) == pytest.approx(0.926, abs=0.02)


def test_draw_figure__gives_back_the_quantiles():
    rng = np.random.default_rng(0)
    for name in ("conversation_input_tokens", "long_input_tokens", "reasoning_output_tokens"):
        drawn = np.quantile(traces.draw_figure(name, rng, 40_000), LEVELS[1:-1])
        assert np.allclose(drawn, traces.load_figures()[name][1:-1], rtol=0.1), name


def test_hour_shares__are_a_day_with_a_quiet_night():
    shares = traces.get_hour_shares("human")
    assert shares.shape == (24,)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[2:6].mean() < 0.5 * shares[10:18].mean()
    assert traces.get_hour_shares("flat").std() == pytest.approx(0.0)
    assert traces.get_hour_shares("office")[0:7].sum() < 0.05


def test_fit_figures__says_which_trace_is_missing(tmp_path):
    with pytest.raises(InputError, match="AzureLLMInferenceTrace_conv"):
        fit_figures(tmp_path)


def test_main__explains_its_usage(capsys):
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_main__knows_no_other_option(capsys):
    assert main(["--chekc"]) == 2
    assert "--check" in capsys.readouterr().err
