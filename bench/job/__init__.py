"""The job that all contenders do: its events, its configuration, its model, its topics."""
