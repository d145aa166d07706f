"""The shipped figures: complete, sourced, and what the traces say."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import yaml

from stillwatch.errors import InputError
from stillwatch.worlds import traces
from stillwatch.worlds.fitting import LEVELS, fit_figures, main, render_figures

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
        assert np.allclose(figure.values, shipped[name]["values"], rtol=1e-3), name
    assert yaml.safe_load(render_figures(fitted.values())) == shipped


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
