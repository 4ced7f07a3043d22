"""The `memreward` command."""
