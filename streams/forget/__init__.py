"""``ebbline forget``: asking the owner of a user's state to erase it, and seeing that it did."""
