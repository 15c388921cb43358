"""What is going wrong, and what it costs."""
