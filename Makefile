# make demo | make test | make lint | make docs: each makes its own virtual environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ALL := $(VENV)-all
# verl wants an older transformers than TRL does, and hydra an older antlr: neither is needed where a reward is asked for
VERL := verl==0.9.1 ray==2.60.0 tensordict==0.10.0 torchdata==0.11.0 hydra-core==1.3.2 omegaconf==2.3.0 \
	antlr4-python3-runtime==4.9.3 cachetools codetiming orjson pyvers
PIP_ALL := $(ALL)/bin/python -m pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: help install demo test test-all lint format docs clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Python 3.11 or newer is needed, found {v.major}.{v.minor}; set PYTHON=…")'
	@echo "▸ installing into $(VENV) (torch and a Java runtime are large: some 7 GB, a few minutes)"
	@start=$$(date +%s); \
	$(PYTHON) -m venv $(VENV) || { echo "✗ $(PYTHON) cannot make a virtual environment: install its venv module (Debian: python3-venv) or set PYTHON=…"; exit 1; }; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' && \
	touch $(STAMP) && echo "  ✓ installed in $$(( $$(date +%s) - start )) s"

install: $(STAMP)  ## make the virtual environment

demo: $(STAMP)  ## the main job: rollouts → memory → labels → predicted rewards → GRPO → before/after
	@start=$$(date +%s); $(BIN)/memreward demo && echo "✓ demo finished in $$(( $$(date +%s) - start )) s"

test: $(STAMP)  ## the tests, against a real Neo4j that they start themselves
	@echo "▸ tests, in two processes with a Neo4j each (the first run fetches its jars, about 170 MB)"
	@start=$$(date +%s); $(PYTEST) -m "not slow" --durations=8 && echo "✓ tests finished in $$(( $$(date +%s) - start )) s"

$(ALL)/.installed: $(STAMP)
	@echo "▸ installing verifiers and verl into $(ALL), which shows the packages of $(VENV) beside its own"
	@$(BIN)/python -m venv $(ALL) && \
	$(BIN)/python -c 'import site; print(f"import site; site.addsitedir({site.getsitepackages()[0]!r})")' > $$(echo $(ALL)/lib/python3*/site-packages)/beside.pth
	@$(PIP_ALL) -c constraints.txt 'verifiers>=0.4,<0.5' || echo "  ✗ this index has no verifiers: its test will be skipped"
	@$(PIP_ALL) --no-deps --target $(ALL)/verl $(VERL) || echo "  ✗ this index has no verl: its test will be skipped"
	@touch $@

test-all: $(ALL)/.installed  ## also what takes minutes: whole lives of a server, whole collections of cases, several trainers
	@echo "▸ all tests, in two processes with a Neo4j each; then those of verifiers and verl, with these packages"
	@start=$$(date +%s); $(PYTEST) --hypothesis-profile=thorough --durations=20 && \
	$(ALL)/bin/python -m pytest tests/integration/test_adapters.py -k verifiers_itself && \
	PYTHONPATH=$(ALL)/verl $(ALL)/bin/python -m pytest tests/integration/test_adapters.py -k verl_itself && \
	echo "✓ tests finished in $$(( $$(date +%s) - start )) s"

lint: $(STAMP)  ## ruff (lint and format) and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: $(STAMP)  ## let ruff mend what it can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

docs: $(STAMP)  ## the documentation as a site in build/site, with every link checked
	@$(BIN)/python -m memgraph.cli.reference && NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build && echo "✓ open build/site/index.html"

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) $(ALL) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
