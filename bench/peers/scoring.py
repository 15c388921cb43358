"""When a user is scored and what the record says, the same for every peer.

At a user's event: first the midnights that lie before it and are not scored yet, each with the
features as of then; then the event is applied; then the user is scored if the last score is a
minute old. A midnight's score counts as one, as in Ebbline.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.peers.features import DAY, State, add, features, new_state

MIN_INTERVAL = 60_000
HORIZON_S = 28 * 86_400
BANDS = (("high", 0.6), ("medium", 0.3), ("low", 0.0))
SOURCES = ("usage", "support", "billing")


class Scoring:
    """Scores users with a River model, one at a time.

    model: answers ``predict_proba_one``. app, version, valid_from, feature_set: what the records
    say of themselves.
    """

    def __init__(self, model: Any, about: dict[str, Any]) -> None:
        self._model = model
        self._app = about["app"]
        self._ref = {"name": "champion", "version": 1, "valid_from": about["valid_from"]}
        self._feature_set = about["feature_set"]

    @classmethod
    def load(cls, about: dict[str, Any]) -> Scoring:
        """The model of the payload that Ebbline's snapshot store holds too."""
        from models.learning.payload import unpack_tail

        return cls(unpack_tail(Path(about["payload"]).read_bytes()).model, about)

    def on_event(
        self, state: State | None, event: dict[str, Any]
    ) -> tuple[State, list[dict[str, Any]]]:
        """The state after the event, and the scores that it brings."""
        at, user = event["at"], event["user"]
        state = state or new_state(at)
        scores = []
        while state["cut"] + DAY < at:
            state["cut"] += DAY
            state["scored"] = state["cut"]
            scores.append(self._score(state, user, state["cut"], "schedule"))
        add(state, event["source"], at, event["kind"], event["value"])
        if state["scored"] is None or at >= state["scored"] + MIN_INTERVAL:
            state["scored"] = at
            scores.append(self._score(state, user, at, f"event:{event['source']}"))
        return state, scores

    def _score(self, state: State, user: str, at: int, cause: str) -> dict[str, Any]:
        probability = self._model.predict_proba_one(features(state, at))[True]
        time = rfc3339(at)
        known = {"as_of": time, "staleness_s": 60.0, "health": "fresh", "treatment": "current"}
        content = f"{self._app}\x1f{user}\x1f{at}\x1f{HORIZON_S}\x1f{cause}".encode()
        return {
            "id": hashlib.blake2b(content, digest_size=16).hexdigest(),
            "app": self._app,
            "user": user,
            "time": time,
            "horizon_s": HORIZON_S,
            "cause": cause,
            "probability": probability,
            "band": next(name for name, bound in BANDS if probability >= bound),
            "model": self._ref,
            "feature_set": self._feature_set,
            "policy": "latest",
            "sources": dict.fromkeys(SOURCES, known),
            "reasons": [],
            "emitted_at": datetime.now(UTC).isoformat(),
            "supersedes": None,
            "maturity": "mature",
            "schema_version": 2,
        }


def rfc3339(at: int) -> str:
    """A time in milliseconds as text."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
