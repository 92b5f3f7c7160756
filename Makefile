# Everything starts from a bare clone: each target does its own set-up.
#   make demo       run the main job on the embedded defaults: invented clients, six weeks in a minute
#   make test       every check and every test
#   make check      style, types, import directions, spelling
#   make simulate   the long simulations
#   make bench      the measurements behind docs/performance.md
#   make clean      remove what the others made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?= -n auto --dist worksteal
# What is measured slows everything down, and what chance covers is not covered: the written
# examples of these alone must go through every branch of the rules.
RULES := tests/unit/test_*_rules_*.py

.PHONY: demo test check simulate bench clean setup setup-dev

demo: setup
	$(BIN)/steadypost demo

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group dev
	touch $@

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell -D - -D docs/spelling.txt

test: check
	.ci/prepare
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(RULES) --hypothesis-profile=written --quiet
	$(BIN)/coverage report --fail-under=100 --show-missing --skip-covered
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

simulate: setup-dev
	SEEDS=$${SEEDS:-10000} $(BIN)/python -m pytest tests/simulation --timeout=0 $(PYTEST_ARGS)
	$(BIN)/python -m pytest $(RULES) --hypothesis-profile=searching --timeout=0 $(PYTEST_ARGS)
	$(BIN)/python -m pytest tests/integration -m slow -k "kills or crash or disk or foretold" --timeout=0 -s

bench: setup-dev
	.ci/prepare
	$(BIN)/python -m pytest tests/benchmarks --timeout=0 -p no:randomly -s

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* dist build
