"""What is known of each user of a partition: the slab in memory and its durable form."""
