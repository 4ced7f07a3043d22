"""One training run from a YAML file: data, labels, model, GRPO, accuracy before and after."""
