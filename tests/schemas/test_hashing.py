"""The hash of text: fixed for ever, and the same one by one as in bulk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.hashing import hash_text, hash_texts

texts = st.one_of(
    st.text(max_size=30), st.sampled_from(["", "a", "a\0", "a" * 255, "é" * 128, "é" * 129])
)


@given(st.lists(texts))
def test_in_bulk_equals_one_by_one(column: list[str]) -> None:
    assert hash_texts(column).tolist() == [hash_text(text) for text in column]


@given(st.lists(texts, min_size=1), st.integers(4, 6))
def test_columns_of_few_distinct_texts_too(few: list[str], times: int) -> None:
    assert hash_texts(few * times).tolist() == [hash_text(text) for text in few] * times


def test_the_hash_never_changes_for_it_is_stored() -> None:
    assert hash_text("") == 11286133854226296554
    assert hash_text("quiz") == 13313858266957746769
    assert hash_text("x" * 300) == 1533152188014638354


def test_no_collisions_among_likely_ids() -> None:
    ids = [f"{a}{i}" for a in ("u", "user-", "0000", "e-2026-01-") for i in range(50_000)]
    ids += [text + "\0" for text in ids[:50_000]]
    assert len(set(hash_texts(ids).tolist())) == len(ids)
    assert 0 not in hash_texts(ids)


def test_bits_are_spread() -> None:
    hashes = hash_texts([str(i) for i in range(4096)])
    for shift in (0, 20, 52):
        buckets = {(int(h) >> shift) & 0xFF for h in hashes}
        assert len(buckets) == 256
