import pytest

from stillwatch.feeds.bin_list import parse_bin_list


def _parse(make_feed, text, name="bins.csv", **parser):
    parsed = parse_bin_list(make_feed("bin_list", parser=parser), {name: text.encode()})
    assert parsed.entry_count == parsed.used_count + parsed.refused.total()
    return parsed


def test_bin_list__rows_carry_the_labels_of_the_feed_and_their_own(make_feed):
    text = "bin,kind\n400000,Virtual Card;prepaid\n51000012,\n 4100 ,virtual card\n"
    parsed = _parse(make_feed, text, column="bin", labels_column="kind")
    assert {value: item.labels for (_, value), item in parsed.indicators.items()} == {
        "400000": ("proxy", "virtual_card", "prepaid"),
        "51000012": ("proxy",),
        "4100": ("proxy", "virtual_card"),
    }
    assert {item.type for item in parsed.indicators.values()} == {"payment_bin"}


def test_bin_list__json_and_plain_lines_are_read(make_feed):
    text = '[{"bin": 400000, "tags": ["prepaid", "gift"]}, {"bin": "410000"}]'
    parsed = _parse(make_feed, text, "bins.json", column="bin", labels_column="tags")
    assert [item.labels for item in parsed.indicators.values()] == [
        ("proxy", "prepaid", "gift"),
        ("proxy",),
    ]
    assert list(_parse(make_feed, "400000 # one\n4100-00\n", "bins.txt").indicators) == [
        ("payment_bin", "400000"),
        ("payment_bin", "410000"),
    ]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("400", "invalid_bin"),
        ("0000", "invalid_bin"),
        ("40x0", "invalid_bin"),
        ("٤٠٠٠٠٠", "invalid_bin"),
        ("4000001234567899", "card_number"),
        ("4000-0012-3456-7899", "card_number"),
        ("4000 0012 3456 7899", "card_number"),
    ],
)
def test_bin_list__what_is_no_prefix_is_counted_and_no_card_number_is_kept(
    make_feed, entry, reason
):
    parsed = _parse(make_feed, f"{entry}\n")
    assert parsed.refused == {reason: 1}
    assert "7899" not in str(parsed.examples)


def test_bin_list__a_column_that_is_not_there_refuses_the_version(make_feed):
    with pytest.raises(Exception, match="has no column 'kind'"):
        _parse(make_feed, "bin,label\n400000,x\n", column="bin", labels_column="kind")
