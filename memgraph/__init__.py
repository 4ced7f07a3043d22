"""The experience memory: rollouts in Neo4j, subgraphs to PyTorch Geometric, rewards out."""
