"""Consumer groups, from outside."""

from __future__ import annotations

import logging
from contextlib import closing

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove

logging.getLogger("kafka.admin").setLevel(logging.ERROR)  # it cannot read Faust's metadata


def expel(servers: str, group: str) -> None:
    """Take all members out of a group, as their sessions' end would do later.

    Dead ones are waited for no longer; living ones find that they must join again.
    """
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        found = admin.describe_groups([group]).get(group, {})
        members = [MemberToRemove(member_id=m["member_id"]) for m in found.get("members", ())]
        if members:
            admin.remove_group_members(group, members)
