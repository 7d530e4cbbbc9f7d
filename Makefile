# The two commands of the README are `make demo` and `make test`; each does all the set-up it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint types unit bench clean

demo: $(READY)
	$(BIN)/vosbench run --method dmvos

test: lint types unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy vosbench methods

unit: $(READY)
	$(BIN)/python -m pytest -n 2

bench: $(READY)
	$(BIN)/python -m pytest tests/bench --benchmark-enable --benchmark-only

$(READY): pyproject.toml setup.py constraints.txt $(wildcard vosbench/*/*.c vosbench/*/*/*.c)
	$(PYTHON) -c 'import sys; sys.exit("vosbench needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt setuptools wheel
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
