"""A world and a policy small enough to train on a laptop, and the demo."""
