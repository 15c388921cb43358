"""One member of the group gets everything; the others stand by."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

from faust.assignor import PartitionAssignor
from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import ClientAssignmentMapping, MemberAssignmentMapping
from faust.types.assignor import HostToPartitionMap


class SoleAssignor(PartitionAssignor):
    """Faust's assignor, with all partitions of the group given to one member.

    The copies of a source are in the order of arrival over ALL its partitions only if one process
    merges them. Sources are groups of their own, so they spread over the members: which one it
    is depends on the members' names, which are random.
    """

    def _protocol_assignments(
        self,
        assignments: ClientAssignmentMapping,
        cl_distribution: HostToPartitionMap,
        tp_distribution: HostToPartitionMap,  # noqa: ARG002  # of what is replaced here
        topic_groups: Mapping[str, int],
    ) -> MemberAssignmentMapping:
        owner = max(assignments, key=lambda member: (crc32(member.encode()), member))
        everything: dict[str, list[int]] = {}
        for assignment in assignments.values():
            for topic, partitions in assignment.actives.items():
                everything.setdefault(topic, []).extend(partitions)
        sole = {
            member: ClientAssignment(
                actives={t: sorted(p) for t, p in everything.items()} if member == owner else {},
                standbys={},
            )
            for member in assignments
        }
        distribution = self._get_external_topic_distribution(sole)
        return super()._protocol_assignments(sole, cl_distribution, distribution, topic_groups)
