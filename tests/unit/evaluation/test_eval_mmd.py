from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from stillwatch.errors import InputError
from stillwatch.evaluation.competitors.mmd import (
    FeatureMap,
    Vectors,
    Window,
    WindowTest,
    get_mmd,
    hash_texts,
)

PROMPTS = Path("/work/shared/data/prompts")


def make_vectors(seed: int, count: int, shift: float = 0.0) -> Vectors:
    """Return normal vectors of four dimensions."""
    vectors = np.random.default_rng(seed).normal(size=(count, 4))
    vectors[:, 0] += shift
    return vectors.astype(np.float32)


def test_mmd__equals_the_sum_over_pairs() -> None:
    one, other = make_vectors(1, 7), make_vectors(2, 9, 1.0)
    inside_one = np.mean([one[i] @ one[j] for i in range(7) for j in range(7) if i != j])
    inside_other = np.mean([other[i] @ other[j] for i in range(9) for j in range(9) if i != j])
    between = np.mean([a @ b for a in one for b in other])
    expected = inside_one + inside_other - 2 * between
    assert get_mmd(Window.of(one), Window.of(other)) == pytest.approx(expected, abs=1e-6)


def test_mmd__is_unbiased_without_a_difference() -> None:
    values = [
        get_mmd(Window.of(make_vectors(2 * n, 20)), Window.of(make_vectors(2 * n + 1, 20)))
        for n in range(300)
    ]
    assert np.mean(values) == pytest.approx(0.0, abs=3 * np.std(values) / np.sqrt(300))
    assert min(values) < 0 < max(values)


def test_mmd__needs_two_queries() -> None:
    with pytest.raises(InputError, match="windows of 1 and 5 queries"):
        get_mmd(Window.of(make_vectors(1, 1)), Window.of(make_vectors(2, 5)))


def test_feature_map__approximates_the_gaussian_kernel() -> None:
    starts, hashes = hash_texts(["solve this step by step", "solve that step by step", "hello you"])
    plain = FeatureMap().transform(starts, hashes)
    waves = FeatureMap(components=20_000, bandwidth=0.7).transform(starts, hashes)
    assert np.linalg.norm(plain, axis=1).tolist() == pytest.approx([1.0] * 3, abs=1e-5)
    for one, other in ((0, 1), (0, 2), (1, 1)):
        distance = np.square(plain[one] - plain[other]).sum()
        expected = np.exp(-distance / (2 * 0.7**2))
        assert waves[one] @ waves[other] == pytest.approx(expected, abs=0.03)


def test_feature_map__of_a_query_without_features_is_finite() -> None:
    for features in (FeatureMap(), FeatureMap(bandwidth=0.7)):
        vectors = features.transform(np.array([0, 0, 1]), np.array([5], dtype=np.uint64))
        assert np.isfinite(vectors).all()


def test_hash_texts__counts_words_and_neighbours() -> None:
    starts, hashes = hash_texts(["One two, one.", "", "one"])
    assert starts.tolist() == [0, 5, 5, 6]
    assert hashes[0] == hashes[2] == hashes[5]


def test_window_test__holds_its_level_and_grows_with_the_window() -> None:
    test = WindowTest.calibrate(make_vectors(3, 4000), (20, 200), windows=400)
    found = {}
    for size in (20, 200):
        threshold = test.get_threshold(size, 0.99)
        for shift in (0.0, 0.25):
            windows = (Window.of(make_vectors(100 + n, size, shift)) for n in range(200))
            hits = sum(get_mmd(window, test.reference) > threshold for window in windows)
            found[size, shift] = hits / 200
    assert found[20, 0.0] <= 0.05
    assert found[200, 0.0] <= 0.05
    assert found[20, 0.25] < 0.15
    assert found[200, 0.25] > 0.4


def test_window_test__refuses_windows_larger_than_its_pool() -> None:
    with pytest.raises(InputError, match="windows of 60 queries cannot be drawn from 50"):
        WindowTest.calibrate(make_vectors(3, 100), (60,))


@pytest.mark.shared_data
def test_window_test__on_public_prompts_needs_large_windows_for_small_shares() -> None:
    """The behaviour that arXiv 2606.05725 reports by window size, on our texts and features."""
    if not PROMPTS.is_dir():
        pytest.skip(f"{PROMPTS} is not here")
    features = FeatureMap()
    everyday = []
    for name in ("codegen-instruct", "toolformer-dedupe-only-dataset"):
        text = gzip.decompress((PROMPTS / f"distillation/gpteacher/{name}.json.gz").read_bytes())
        for row in json.loads(text):
            everyday.append(f"{row.get('instruction') or ''} {row.get('input') or ''}")
    lines = gzip.decompress((PROMPTS / "question_banks/gsm8k/train.jsonl.gz").read_bytes())
    bank = [json.loads(line)["question"] for line in lines.splitlines()]
    benign = features.transform(*hash_texts(everyday))
    attack = features.transform(*hash_texts(bank))
    splits = [flag_windows(benign, attack, seed) for seed in range(5)]
    found = {key: np.mean([rates[key] for rates in splits]) for key in splits[0]}
    # One split of so few texts decides much at a mix of 5 %, hence the mean of five.
    assert found[100, 0.0] <= 0.02
    assert found[1500, 0.0] <= 0.06
    assert found[100, 0.05] <= 0.04
    assert found[1500, 0.05] >= 0.25
    assert found[100, 0.1] <= 0.1
    assert found[1500, 0.1] >= 0.85


def flag_windows(benign: Vectors, attack: Vectors, seed: int) -> dict[tuple[int, float], float]:
    """Return the share of windows flagged, by size and share of attack, on one random split."""
    dice = np.random.default_rng(seed)
    order = dice.permutation(len(benign))
    cut = len(benign) * 2 // 3
    known, held = benign[order[:cut]], benign[order[cut:]]
    test = WindowTest.calibrate(known, (100, 1500), windows=600, seed=seed)
    rates = {}
    for size in (100, 1500):
        threshold = test.get_threshold(size, 0.997)
        for share in (0.0, 0.05, 0.1):
            count, hits = round(size * share), 0
            for _ in range(50):
                honest = held[dice.choice(len(held), size - count, replace=False)]
                stolen = attack[dice.choice(len(attack), count, replace=False)]
                window = Window.of(np.concatenate([honest, stolen]))
                hits += get_mmd(window, test.reference) > threshold
            rates[size, share] = hits / 50
    return rates
