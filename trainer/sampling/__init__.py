"""Rollouts of given queries: from a local model, from vLLM, from a server, and into the memory."""
