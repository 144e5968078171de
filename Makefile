# Two commands: `make demo` boosts the example corpus, `make test` runs every test. Both need only Python >= 3.11.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check
DEMO   ?= demo

.PHONY: demo test lint bench clean
.DELETE_ON_ERROR:

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@ $(VENV)/.installed

demo: $(VENV)/.installed
	BIN=$(BIN) DEMO=$(DEMO) sh examples/demo.sh

test: $(VENV)/.installed-test
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary -p midb
	$(BIN)/python -m pytest -q -n auto $(ARGS)

bench: $(VENV)/.installed-test
	$(BIN)/python bench/run.py $(ARGS)

clean:
	rm -rf $(VENV) $(DEMO) build dist *.egg-info
