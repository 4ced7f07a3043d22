"""The managed local Neo4j: its jars (`artifacts`), its home (`home`), its process (`local`)."""
