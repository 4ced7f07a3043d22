"""What is likely: models of how right a rollout is."""
