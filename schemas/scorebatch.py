"""Many scores to bytes at once: the bytes that the codec gives for each, made from columns.

A score record is mostly the same text as its neighbour's. Its constant parts are written once,
every column of numbers is written by one call, and a row is one filled-in template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson
from numpy.typing import NDArray

from schemas.scores import SCORE_SCHEMA_VERSION, Maturity, ModelRef
from schemas.timetexts import format_times

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ScoreConstants:
    """What all scores of a batch share; see :class:`schemas.scores.Score`.

    sources, features, labels: names of the sources, names and labels of the features.
    health, treatment: the words behind the codes. policies: names of those that are weighed.
    """

    app: str
    horizon_s: int
    model: ModelRef
    maturity: Maturity
    feature_set: str
    policy: str
    emitted_at: str
    sources: Sequence[str]
    features: Sequence[str]
    labels: Sequence[str | None]
    health: Sequence[str]
    treatment: Sequence[str]
    policies: Sequence[str]


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """n scores; s sources, at most k reasons each.

    times: int64[n]. probability: float64[n]. as_of: int64[n, s]; known: bool[n, s], where
    it is. staleness_s: float64[n, s], NaN = none. health, treatment: uint8[n, s].
    reasons: int64[n, k], features, -1 = no more. values, contributions: float64[n, k].
    phrases: n * k texts, row by row. weighed: int64[m], rows that have weights of policies, which
    are float64[m, policies], NaN = none. supersedes: ids, () = no score renews another. evidence:
    by source, what is said on rows where there is something to say. coverage: float64[n, s], NaN =
    none, None = nowhere.
    """

    ids: Sequence[str]
    users: Sequence[str]
    causes: Sequence[str]
    bands: Sequence[str]
    times: Ints
    probability: Floats
    as_of: Ints
    known: NDArray[np.bool_]
    staleness_s: Floats
    health: Codes
    treatment: Codes
    reasons: Ints
    values: Floats
    contributions: Floats
    phrases: Sequence[str]
    weighed: Ints
    weights: Floats
    supersedes: Sequence[str] = ()
    evidence: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    coverage: Floats | None = None


def encode_scores(constants: ScoreConstants, columns: ScoreColumns) -> list[bytes]:
    """Records of the score topic, one for each row, byte for byte as ``codec.encode`` gives.

    But a source's ``evidence`` and ``coverage`` are left out where there is none. Numbers that are
    not finite become null.
    """
    times, as_of = _times(columns)
    rows = zip(
        columns.ids,
        _texts(columns.users),
        times,
        _texts(columns.causes),
        _numbers(columns.probability),
        _texts(columns.bands),
        _sources(constants, columns, as_of),
        _reasons(constants, columns),
        _supersedes(columns),
        _weights(constants, columns),
        strict=True,
    )
    template = _template(constants)
    # ids are hexadecimal digits and need no escaping
    return [template % (identity.encode(), *rest) for identity, *rest in rows]


def _template(constants: ScoreConstants) -> bytes:
    def fixed(value: object) -> bytes:
        return orjson.dumps(value).replace(b"%", b"%%")

    return b"".join(
        (
            b'{"id":"%b","app":',
            fixed(constants.app),
            b',"user":"%b","time":"%b","horizon_s":',
            fixed(constants.horizon_s),
            b',"cause":"%b","probability":%b,"band":"%b","model":',
            fixed(constants.model),
            b',"feature_set":',
            fixed(constants.feature_set),
            b',"policy":',
            fixed(constants.policy),
            b',"sources":{%b},"reasons":[%b],"emitted_at":',
            fixed(constants.emitted_at),
            b',"supersedes":%b,"maturity":',
            fixed(constants.maturity),
            b',"weights":%b,"schema_version":',
            fixed(SCORE_SCHEMA_VERSION),
            b"}",
        )
    )


def _times(columns: ScoreColumns) -> tuple[list[bytes], list[list[bytes]]]:
    """Texts of the score times and, with their quotes, of each source's as-of times."""
    n = len(columns.times)
    every = np.column_stack([columns.times, np.where(columns.known, columns.as_of, 0)])
    texts = format_times(every.T.ravel())
    as_of = []
    for s, known in enumerate(columns.known.T.tolist(), start=1):
        part = texts[s * n : (s + 1) * n]
        as_of.append([b'"%b"' % t if k else b"null" for t, k in zip(part, known, strict=True)])
    return texts[:n], as_of


def _sources(
    constants: ScoreConstants, columns: ScoreColumns, as_of: list[list[bytes]]
) -> list[bytes]:
    """The members of ``sources``, for each row."""
    codes = columns.health.astype(np.int64) * len(constants.treatment) + columns.treatment
    states = [
        b',"health":%b,"treatment":%b}' % (orjson.dumps(health), orjson.dumps(treatment))
        for health in constants.health
        for treatment in constants.treatment
    ]
    parts = []
    for s, name in enumerate(constants.sources):
        head = b'%b:{"as_of":' % orjson.dumps(name)
        staleness = _numbers(columns.staleness_s[:, s])
        rows = zip(as_of[s], staleness, codes[:, s].tolist(), strict=True)
        own = [head + a + b',"staleness_s":' + st + states[code] for a, st, code in rows]
        said = columns.evidence.get(s, {})
        tails = {why: b',"evidence":%b}' % orjson.dumps(why) for why in set(said.values())}
        for row, why in said.items():
            own[row] = own[row][:-1] + tails[why]
        if columns.coverage is not None:
            _add_coverage(own, columns.coverage[:, s])
        parts.append(own)
    return [b",".join(row) for row in zip(*parts, strict=True)]


def _add_coverage(members: list[bytes], coverage: Floats) -> None:
    """Write it behind a source's members, in place, on the rows that have one."""
    rows = np.flatnonzero(~np.isnan(coverage))
    for row, number in zip(rows.tolist(), _numbers(np.round(coverage[rows], 4)), strict=True):
        members[row] = members[row][:-1] + b',"coverage":' + number + b"}"


def _reasons(constants: ScoreConstants, columns: ScoreColumns) -> list[bytes]:
    """The elements of ``reasons``, for each row."""
    n, most = columns.reasons.shape
    if most == 0:
        return [b""] * n
    heads = [b'{"feature":%b,"value":' % orjson.dumps(name) for name in constants.features]
    tails = [b',"label":%b,"text":"' % orjson.dumps(label) for label in constants.labels]
    elements = [
        heads[j] + value + b',"contribution":' + part + tails[j] + text + b'"}' if j >= 0 else None
        for j, value, part, text in zip(
            columns.reasons.ravel().tolist(),
            _numbers(columns.values.ravel()),
            _numbers(columns.contributions.ravel()),
            _texts(columns.phrases),
            strict=True,
        )
    ]
    rows = [elements[i : i + most] for i in range(0, n * most, most)]
    return [b",".join([e for e in row if e is not None]) for row in rows]


def _supersedes(columns: ScoreColumns) -> list[bytes]:
    """The score that each row renews."""
    if not columns.supersedes:
        return [b"null"] * len(columns.times)
    return [b'"%b"' % identity.encode() for identity in columns.supersedes]


def _weights(constants: ScoreConstants, columns: ScoreColumns) -> list[bytes]:
    """The policies' weights of each row."""
    found = [b"null"] * len(columns.times)
    heads = [b"%b:" % orjson.dumps(name) for name in constants.policies]
    numbers = [_numbers(column) for column in columns.weights.T]
    known = (~np.isnan(columns.weights)).tolist()
    for m, (row, has) in enumerate(zip(columns.weighed.tolist(), known, strict=True)):
        parts = [heads[k] + numbers[k][m] for k, there in enumerate(has) if there]
        if parts:
            found[row] = b"{%b}" % b",".join(parts)
    return found


def _numbers(column: Floats) -> list[bytes]:
    """JSON of each number of float64[n]."""
    if len(column) == 0:
        return []
    dumped = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)
    return dumped[1:-1].split(b",")


def _texts(column: Sequence[str]) -> list[bytes]:
    """JSON of each text, without its quotes."""
    if not column:
        return []
    dumped = orjson.dumps(column)
    if b"\\" in dumped:  # an escaped quote could be taken for the end of a text
        return [orjson.dumps(text)[1:-1] for text in column]
    return dumped[2:-2].split(b'","')
