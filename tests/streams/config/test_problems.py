"""Every mistake is named by its key, with what is wrong and what would be right; all at once."""

from __future__ import annotations

import pytest

from streams.config import ConfigError, Problem, parse_config

BASE = """
[app]
name = "shop"
grid = "1d"

[sources.clicks]
topic = "clicks"
user = "user"
time = { path = "at", unit = "rfc3339" }
stale_after = "2d"
[sources.clicks.fields]
n = { path = "n", type = "number" }
page = { path = "page", type = "string" }
paid = { path = "paid", type = "bool" }

[sources.outcomes]
topic = "outcomes"
user = "user"
time = { path = "at", unit = "rfc3339" }
max_delay = "1d"
outcome = { path = "kind", churn = ["gone"] }

[[features]]
name = "clicks_7d"
source = "clicks"
agg = "count"
window = "7d"

[[features]]
name = "second"
source = "clicks"
agg = "sum"
of = "n"
window = "28d"

[labels]
rule = "outcome"
horizon = "28d"

[scores]
schedule = { every = "7d" }
"""


def problems(text: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    return list(caught.value.problems)


def only(text: str) -> Problem:
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def changed(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new, 1)


def test_the_base_is_right() -> None:
    parse_config(BASE)


def feature(body: str) -> str:
    return BASE + "\n[[features]]\n" + body


CLICKS = feature('name = "x"\nsource = "clicks"\n')
INACTIVE = changed('rule = "outcome"', 'rule = "inactivity"')
LABELS = 'horizon = "28d"\n'
CASES: list[tuple[str, str, str, str]] = [
    # shape
    (BASE + "[workers]", "workers", "no such section", '"worker"'),
    (changed("grid", "gird"), "app.gird", "no such key", '"grid"'),
    (changed('name = "shop"', ""), "app.name", "required", "Name of the deployment"),
    (changed("[app]\n", "[population]\n").replace('name = "shop"', "").replace('grid = "1d"', ""),
     "app", "missing", '[app] with name = "my-app"'),
    (changed('"shop"', '"my shop"'), "app.name", "cannot be a name", "A-Z a-z"),
    (changed('"shop"', '"shop{0}"'), "app.name", "cannot be a name", "A-Z a-z"),
    (changed('"1d"', "1"), "app.grid", "1 is not a duration", "28d"),
    (changed('"1d"', '"0s"'), "app.grid", "no length", "above zero"),
    (changed('"1d"', '"1day"'), "app.grid", "1day", ""),
    (BASE + '[worker]\nweb_port = 99999', "worker.web_port", "99999", "Port"),
    (BASE + "[worker]\ncapacity = 1.5", "worker.capacity", "1.5", "held in memory"),
    (BASE + "[worker]\ncapacity = true", "worker.capacity", "true", "held in memory"),
    (BASE + '[worker]\nsession_timeout = "1s"', "worker.session_timeout", "6s to 30m", "45s"),
    (BASE + '[sources.clicks.segments]\nfield = "pag"\nvalues = ["home"]',
     "sources.clicks.segments.field", 'no field "pag"', "page"),
    (BASE + '[sources.clicks.segments]\nfield = "n"\nvalues = ["home"]',
     "sources.clicks.segments.field", "is a number", "type string"),
    (BASE + '[health]\nlearn_for = "2 weeks"', "health.learn_for", "2 weeks", ""),
    (BASE + '[policy]\ndefault = "lates"', "policy.default", "not known", '"latest"'),
    (BASE + '[policy]\nlongest_lag = "36h"', "policy.longest_lag", "not a multiple", "2d"),
    (BASE + '[policy]\ndegrade = "mean"', "policy.degrade", "not known", "average"),
    (BASE + '[policy]\ndefault = "lag_trained"\nlag_models = 0',
     "policy.default", "lag_models is 0", "lag_models = 3"),
    (BASE.replace('stale_after = "2d"', 'stale_after = "2d"\npolicy = "lag_trained"')
     + "[policy]\nlag_models = 0",
     "sources.clicks.policy", "lag_models is 0", "another policy"),
    (BASE + '[model]\nprior = 1.0', "model.prior", "less than 1", "Base rate"),
    (BASE + '[model]\nprior = nan', "model.prior", "finite", "Base rate"),
    (BASE + '[model]\nkind = "logistik"', "model.kind", '"logistik"', '"logistic"'),
    (BASE + '[model]\nkind = "river.no:No"', "model.kind", "package.module:Class", "Leave"),
    (BASE + '[model]\nkind = "hat"\nmembers = [{ kind = "arf" }]',
     "model.members", "has no members", '"mixture"'),
    (BASE + '[model]\nkind = "mixture"\nmembers = [{ kind = "hatt" }]',
     "model.members[0].kind", '"hatt"', '"hat"'),
    (BASE + '[model]\nkind = "mixture"\nmembers = [{ kind = "hat" }, { kind = "mixture" }]',
     "model.members[1].kind", "could be a member", "logistic"),
    (BASE + '[model]\nkind = "mixture"\nmembers = [{ kind = "hat", params = { dept = 3 } }]',
     "model.members[0].params", "dept", "Leave the params out"),
    (BASE + '[model]\nparams = { no_such = 1 }', "model.params", "no_such", "Leave"),
    # sources
    (changed("topic =", "tpic ="), "sources.clicks.tpic", "no such key", '"topic"'),
    (changed('"clicks"\nuser', '"my topic"\nuser'), "sources.clicks.topic", "Kafka topic", "249"),
    (changed('user = "user"', 'user = "a..b"'), "sources.clicks.user", "a..b", "payload.user.id"),
    (changed('unit = "rfc3339"', 'unit = "rfc"'), "sources.clicks.time.unit", "rfc", '"rfc3339"'),
    (changed('time = { path = "at", unit = "rfc3339" }', 'time = "at"'),
     "sources.clicks.time", "not a table", "time = {"),
    (changed('unit = "rfc3339" }', 'unit = "rfc3339", zone = "Europe/Lodon" }'),
     "sources.clicks.time.zone", "Europe/Lodon", '"Europe/London"'),
    (changed('unit = "rfc3339" }', 'unit = "rfc3339", zone = "../etc/passwd" }'),
     "sources.clicks.time.zone", "IANA", "Europe/London"),
    (changed('unit = "rfc3339" }', 'unit = "s", zone = "UTC" }'),
     "sources.clicks.time.zone", "UTC", "rfc3339"),
    (changed('stale_after = "2d"', 'max_delay = "1h"'),
     "sources.clicks.max_delay", 'completeness = "data"', "Remove it"),
    (changed('max_delay = "1d"\n', ""), "sources.outcomes.max_delay", "required", "1d"),
    (changed('"2d"', '"2d"\nout_of_orderness = "2d"'),
     "sources.clicks.stale_after", "always be stalled", "more than 2d"),
    (changed('"2d"', '"2d"\nheartbeat = {}'), "sources.clicks.heartbeat", "one way", "header"),
    (changed('churn = ["gone"]', 'churn = ["gone"], leave = ["gone"]'),
     "sources.outcomes.outcome", '"gone"', "one of churn"),
    (changed('churn = ["gone"]', "churn = []"), "sources.outcomes.outcome", "churn or leave", ""),
    (changed('churn = ["gone"]', 'leave = ["gone"]'),
     "sources.outcomes.outcome.churn", "churn", "List"),
    (changed('"number"', '"int"'), "sources.clicks.fields.n.type", "int", "number"),
    (changed('type = "number" }', 'type = "number", pth = 1 }'),
     "sources.clicks.fields.n.pth", "no such key", '"path"'),
    (BASE.replace("sources.clicks", "sources.any").replace('source = "clicks"', 'source = "any"'),
     "sources.any", "every source", "another name"),
    (changed('topic = "outcomes"', 'topic = "clicks"'),
     "sources.outcomes.topic", "sources.clicks.topic", "another topic"),
    (changed('topic = "outcomes"', 'topic = "churn.scores"'),
     "topics.scores", "sources.outcomes.topic", "another topic"),
    (BASE + '[topics]\nscores = "churn_sources"', "topics.sources", "metrics", ". and _"),
    # features
    (changed('window = "7d"', 'window = "36h"'),
     "features[0].window", "1d12h is not a multiple", "Use 1d or 2d, or the grid 12h"),
    (changed('name = "second"', 'name = "clicks_7d"'),
     "features[1].name", "features[0]", "own name"),
    (changed('source = "clicks"', 'source = "click"'), "features[0].source", "click", '"clicks"'),
    (changed('source = "clicks"\n', ""),
     "features[0].source", "needs a source", "clicks, outcomes"),
    (changed('"count"', '"cuont"'), "features[0].agg", "cuont", '"count"'),
    (changed('"count"', '"count"\nof = "n"'), "features[0].of", "not at a field", "Remove"),
    (changed('of = "n"\n', ""), "features[1].of", "needs a field", "of ="),
    (changed('of = "n"', 'of = "m"'), "features[1].of", 'no field "m"', "Declared: n, page, paid"),
    (changed('of = "n"', 'of = "page"'), "features[1].of", "is a string", "another field"),
    (changed('of = "n"', 'of = "paid"'), "features[1].of", "is a bool", "another field"),
    (changed('window = "7d"\n', ""), "features[0].window", "needs a window", "7d"),
    (changed('window = "7d"', 'window = "7d"\nover = "28d"'),
     "features[0].over", "one window", "ratio"),
    (feature('name = "r"\nsource = "clicks"\nagg = "ratio"\nwindow = "7d"'),
     "features[2].over", "longer window", "28d"),
    (feature('name = "r"\nsource = "clicks"\nagg = "trend"\nwindow = "7d"\nover = "7d"'),
     "features[2].over", "not longer", "longer one"),
    (feature('name = "l"\nsource = "clicks"\nagg = "last"\nof = "n"\nwindow = "7d"'),
     "features[2].window", "all of the past", "Remove"),
    (feature('name = "d"\nsource = "clicks"\nagg = "distinct"\nof = "paid"\nwindow = "7d"'),
     "features[2].of", "string or number", "another field"),
    (feature('name = "a"\nagg = "user_age"\nsource = "clicks"'),
     "features[2].source", "no events", "Remove"),
    (feature('name = "a"\nagg = "user_age"\nwhere = { n = 1 }'),
     "features[2].where", "no events", "Remove"),
    (changed('window = "7d"', 'window = "7d"\nwhere = { pge = "x" }'),
     "features[0].where.pge", 'no field "pge"', '"page"'),
    (changed('window = "7d"', 'window = "7d"\nwhere = { page = ["x", 1] }'),
     "features[0].where.page", "1.0", "string in quotes"),
    (changed('window = "7d"', 'window = "7d"\nwhere = { paid = "yes" }'),
     "features[0].where.paid", "'yes'", "true or false"),
    (changed('window = "7d"', 'window = "7d"\nwhere = { n = true }'),
     "features[0].where.n", "True", "a number"),
    (changed('window = "7d"', 'window = "7d"\nwhere = { page = [] }'),
     "features[0].where.page", "matches no event", "at least one"),
    (CLICKS + 'agg = "share"\nwindow = "7d"', "features[2].where", "no condition", "where ="),
    (CLICKS + 'agg = "share"\nwindow = "7d"\nover = "28d"\nwhere = { page = "x" }',
     "features[2].over", "one window", "ratio"),
    (CLICKS + 'agg = "streak"\nwindow = "7d"\nof = "n"',
     "features[2].of", "not at a field", "Remove"),
    (CLICKS + 'agg = "gap_mean"', "features[2].window", "needs a window", "7d"),
    (CLICKS + 'agg = "gap_mean"\nwindow = "1d"',
     "features[2].window", "two or more periods of 1d", "window of 2d"),
    (CLICKS + 'agg = "active_periods"\nwindow = "8d"\nperiod = "3d"',
     "features[2].period", "two or more periods of 3d", "window of 9d"),
    (CLICKS + 'agg = "streak"\nwindow = "8d"\nperiod = "12h"',
     "features[2].period", "not a multiple", "1d"),
    (CLICKS + 'agg = "count"\nwindow = "8d"\nperiod = "1d"',
     "features[2].period", "does not count in periods", "Remove"),
    (CLICKS + 'agg = "baseline_z"\nwindow = "7d"', "features[2].over", "longer window", "28d"),
    (CLICKS + 'agg = "baseline_z"\nwindow = "7d"\nover = "14d"',
     "features[2].over", "2 or more of the same length", "Use 21d"),
    (CLICKS + 'agg = "baseline_ratio"\nwindow = "7d"\nover = "30d"',
     "features[2].over", "1 or more of the same length", "Use 28d"),
    (CLICKS + 'agg = "baseline_ratio"\nwindow = "7d"\nover = "28d"\nof = "page"',
     "features[2].of", "is a string", "another field"),
    (CLICKS + 'agg = "last_is"\nof = "page"', "features[2].values", "needs the values", "values ="),
    (CLICKS + 'agg = "last_is"\nof = "page"\nvalues = ["x", 1]',
     "features[2].values", "1.0", "string in quotes"),
    (CLICKS + 'agg = "last_is"\nof = "pge"\nvalues = "x"',
     "features[2].of", 'no field "pge"', '"page"'),
    (CLICKS + 'agg = "last"\nof = "n"\nvalues = 1',
     "features[2].values", "asks for no values", "where"),
    (CLICKS + 'agg = "due_in"\nof = "n"\nwindow = "28d"',
     "features[2].unit", "how the field holds a date", '"days"'),
    (CLICKS + 'agg = "due_in"\nof = "n"\nunit = "days"', "features[2].window", "window", "7d"),
    (CLICKS + 'agg = "last_due_in"\nof = "n"\nunit = "day"',
     "features[2].unit", '"day"', '"days"'),
    (CLICKS + 'agg = "last"\nof = "n"\nunit = "s"', "features[2].unit", "no date", "Remove"),
    (feature('name = "y"\nagg = "user_cycle"'), "features[2].period", "how long", "365d"),
    (feature('name = "y"\nagg = "user_age"\nperiod = "7d"'),
     "features[2].period", "does not count", "Remove"),
    # population, labels, scores, learning
    (BASE + '[population]\nenter = "click"', "population.enter", '"click"', '"clicks"'),
    (changed('horizon = "28d"', 'horizon = "28h"'), "labels.horizon", "multiple", "1d or 2d"),
    (changed('rule = "outcome"', 'rule = "outcomes"'), "labels.rule", "outcomes", '"outcome"'),
    (changed(LABELS, LABELS + 'sources = ["clicks"]\n'),
     "labels.sources", "wrong kind", "outcomes"),
    (changed(LABELS, LABELS + 'sources = ["outcome"]\n'),
     "labels.sources", '"outcome"', '"outcomes"'),
    (changed(LABELS, LABELS + "sources = []\n"), "labels.sources", "empty", "outcomes"),
    (changed(LABELS, LABELS + "min_events = 2\n"), "labels.min_events", "inactivity", "Remove"),
    (changed('outcome = { path = "kind", churn = ["gone"] }', 'completeness = "clock"'),
     "labels.rule", "No source carries outcomes", "inactivity"),
    (INACTIVE.replace(LABELS, LABELS + 'within = "90d"\n'),
     "labels.sources", "needs the sources", "clicks"),
    (INACTIVE.replace(LABELS, LABELS + 'sources = ["clicks"]\n'),
     "labels.within", "needs it", "90d"),
    (INACTIVE.replace(LABELS, LABELS + 'sources = ["clicks"]\nwithin = "90h"\n'),
     "labels.within", "multiple", "3d or 4d"),
    (changed('schedule = { every = "7d" }', "reasons = 2"),
     "scores.schedule", "Nothing says", "on_event"),
    (changed('every = "7d"', 'every = "7h"'), "scores.schedule.every", "multiple", "Use 1d"),
    (changed('"7d" }', '"7d", anchor = "2026-01-05T06:00:00Z" }'),
     "scores.schedule.anchor", "not on the grid", "2026-01-05T00:00:00Z"),
    (changed('"7d" }', '"7d", anchor = "2026-01-05T06:00:00" }'),
     "scores.schedule.anchor", "zone", "2026-01-05T00:00:00Z"),
    (changed('"7d" }', '"7d", anchor = 2026-01-05 }'),
     "scores.schedule.anchor", "zone", "RFC 3339"),
    (changed('{ every = "7d" }', '{ every = "7d" }\non_event = { sources = ["outcomes"] }'),
     "scores.on_event.sources", "wrong kind", "clicks"),
    (changed('{ every = "7d" }', '{ every = "7d" }\nbands = { a = 0.1 }'),
     "scores.bands", "begin at 0", "low = 0.0"),
    (changed('{ every = "7d" }', '{ every = "7d" }\nbands = { a = 0, b = 0.5, c = 0.5 }'),
     "scores.bands", "ascend", "low = 0.0"),
    (changed('{ every = "7d" }', '{ every = "7d" }\nbands = { a = 0, b = 1 }'),
     "scores.bands", "1 or more", "low = 0.0"),
    (changed('{ every = "7d" }', '{ every = "7d" }\nbands = { a = 0, b = "x" }'),
     "scores.bands.b", "x", "bands"),
    (changed('{ every = "7d" }', '{ every = "7d" }\nreasons_from = "hihg"'),
     "scores.reasons_from", '"hihg"', '"high"'),
    (BASE + '[learning]\nexample_every = "1h"', "learning.example_every", "multiple", "Use 1d"),
    (BASE + '[learning]\nevery = "0s"', "learning.every", "no length", "above zero"),
    (BASE + '[learning]\nsegments = ["clikcs"]', "learning.segments", '"clikcs"', "clicks"),
    (BASE + '[learning]\nsegments = ["a", "b", "c", "d", "e"]', "learning.segments", "4", "four"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "key", "wrong", "remedy"),
    CASES,
    ids=[f"{i}-{case[1]}" for i, case in enumerate(CASES)],
)
def test_each_mistake(text: str, key: str, wrong: str, remedy: str) -> None:
    problem = only(text)
    assert problem.key == key
    assert wrong in problem.wrong
    assert remedy in problem.remedy


def test_learning_may_leave_the_grid() -> None:
    parse_config(BASE + '[learning]\nevery = "90m"')


def test_all_of_them_at_once_each_on_its_line() -> None:
    text = (
        BASE.replace('grid = "1d"', 'grid = "1d"\nclok = "live"')
        .replace('type = "number"', 'type = "int"')
        .replace('window = "7d"', 'window = "7h"')
        .replace('of = "n"', 'of = "m"')
        .replace('horizon = "28d"', 'horizon = "4w1h"')
        + '[model]\nkind = "x"\n[oops]\n'
    )
    found = {problem.key: problem.line for problem in problems(text)}
    lines = text.splitlines()
    assert found == {
        "app.clok": 1 + lines.index('clok = "live"'),
        "sources.clicks.fields.n.type": 1 + lines.index('n = { path = "n", type = "int" }'),
        "features[0].window": 1 + lines.index('window = "7h"'),
        "features[1].of": 1 + lines.index('of = "m"'),
        "labels.horizon": 1 + lines.index('horizon = "4w1h"'),
        "model.kind": 1 + lines.index('kind = "x"'),
        "oops": 1 + lines.index("[oops]"),
    }


def test_what_follows_from_a_mistake_is_not_one_more() -> None:
    off_the_default_grid = BASE.replace('"7d"', '"90m"')
    assert only(off_the_default_grid.replace('grid = "1d"', 'grid = "1x"')).key == "app.grid"
    assert only(changed('window = "7d"', "window = 7")).key == "features[0].window"
    assert only(changed('topic = "clicks"\n', "")).key == "sources.clicks.topic"
    assert only(changed('n = { path = "n", type = "number" }', "n = 1")).key == (
        "sources.clicks.fields.n"
    )
    assert only(changed('agg = "sum"', "agg = 1")).key == "features[1].agg"


def test_the_message_has_all_of_it() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(changed('window = "7d"', 'window = "36h"'))
    message = str(caught.value)
    assert "1 problem" in message
    assert 'features[0].window (line 27, feature "clicks_7d")' in message
    assert "Use 1d or 2d" in message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app = 1",
        "sources = 1",
        "[sources]\na = 1",
        "[features]\nname = 1",
        "features = [1]",
        "[app]\n[sources]\n[scores]\n[labels]",
        '[app]\nname = ["x"]',
        "[[app]]\n[[sources]]\n[[labels]]\n[[scores]]\n[[worker]]",
        "[sources.a]\nfields = 1\n[sources.b]\nfields = { x = 1 }",
        "[[features]]\nwhere = 1\nagg = 'count'\nname = 'x'",
        "[sources.'a b']",
    ],
)
def test_any_shape_at_all_gives_problems_not_a_traceback(text: str) -> None:
    assert problems(text)


REKEY = changed('topic = "clicks"\n', 'topic = "clicks"\nrekey = true\n')


def test_copies_go_to_a_topic_named_after_app_and_source() -> None:
    made = parse_config(REKEY)
    assert made.input_topics == ("shop.rekey.clicks", "outcomes")
    assert [source.topic for source in made.rekeyed] == ["clicks"]
    named = parse_config(REKEY.replace("rekey = true", 'rekey = true\nrekey_topic = "by-user"'))
    assert named.input_topics[0] == "by-user"


def test_a_topic_of_copies_without_copying_is_a_mistake() -> None:
    problem = only(changed('topic = "clicks"\n', 'topic = "clicks"\nrekey_topic = "x"\n'))
    assert problem.key == "sources.clicks.rekey_topic"
    assert "rekey = true" in problem.remedy


def test_copies_must_not_go_where_something_else_is() -> None:
    problem = only(REKEY.replace("rekey = true", 'rekey = true\nrekey_topic = "churn.scores"'))
    assert "churn.scores" in problem.wrong
