"""What the watching of sources notices: faults put into logs, and how they are told apart."""
