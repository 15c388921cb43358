"""All partitions go to one member; the others get an assignment that says so."""

from __future__ import annotations

import faust
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata

from streams.rekey.assignor import SoleAssignor


class Cluster:
    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(5))


def assigned(members: list[str]) -> dict[str, list[tuple[str, list[int]]]]:
    assignor = SoleAssignor(faust.App("test", broker="memory://"), replicas=1)
    held = {"orders": list(range(5))}
    told = {
        member: ConsumerProtocolMemberMetadata(
            4,
            ["orders"],
            ClientMetadata(
                assignment=ClientAssignment(actives=held if n == 0 else {}, standbys={}),
                url=f"http://{member}:1",
                changelog_distribution={},
                external_topic_distribution={},
                topic_groups={},
            ).dumps(),
        )
        for n, member in enumerate(members)
    }
    found = assignor._perform_assignment(Cluster(), told)
    return {member: sorted(assignment.assignment) for member, assignment in found.items()}


def test_one_member_has_all_partitions_and_every_member_an_answer() -> None:
    for members in (["a"], ["a", "b"], ["a", "b", "c"]):
        found = assigned(members)
        assert set(found) == set(members)
        assert sorted(map(len, found.values()), reverse=True)[:2] in ([1], [1, 0])
        assert [["orders", list(range(5))]] == [list(t) for a in found.values() for t in a]


def test_who_it_is_depends_on_names_alone() -> None:
    owner = {m for m, topics in assigned(["a", "b", "c"]).items() if topics}
    assert owner == {m for m, topics in assigned(["c", "b", "a"]).items() if topics}
