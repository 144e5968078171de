# Two commands: `make demo` boosts the example corpus, `make test` runs every test. Both need only Python >= 3.11.
PYTHON ?= python3
VENV   ?= .venv
DEMO   ?= demo
BIN     = $(abspath $(VENV))/bin
PIP     = $(BIN)/pip --disable-pip-version-check
SOURCES = pyproject.toml constraints.txt README.md $(shell find midb agent kernels prompts -name '*.py' -o -name '*.toml' -o -name py.typed -o -name '*.md' -o -name '*.json')

.PHONY: demo test bench clean
.DELETE_ON_ERROR:

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Installed as a user has it, not in place: what is tested is what is shipped.
$(VENV)/.installed: $(SOURCES) | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt .
	$(PIP) install --quiet --no-deps --force-reinstall .
	touch $@

$(VENV)/.installed-test: $(SOURCES) | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt '.[test]'
	$(PIP) install --quiet --no-deps --force-reinstall .
	touch $@ $(VENV)/.installed

demo: $(VENV)/.installed
	@BIN=$(BIN) DEMO=$(DEMO) sh examples/demo.sh

test: $(VENV)/.installed-test
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	cd $(VENV) && $(BIN)/mypy --config-file $(CURDIR)/pyproject.toml --no-error-summary -p midb
	$(BIN)/pytest -q -n auto $(ARGS)

bench: $(VENV)/.installed-test
	$(BIN)/python bench/run.py $(ARGS)

clean:
	rm -rf $(VENV) $(DEMO) build dist *.egg-info
