# Two commands: `make demo` boosts the example corpus, `make test` runs every test. Both need only Python >= 3.11.
PYTHON ?= python3
VENV   ?= .venv
DEMO   ?= demo
BIN     = $(abspath $(VENV))/bin
PIP     = $(BIN)/pip --disable-pip-version-check
SOURCES = pyproject.toml constraints.txt README.md $(shell find midb agent kernels prompts -name '*.py' -o -name '*.toml' -o -name py.typed -o -name '*.md' -o -name '*.json')

.PHONY: demo test bench docs clean
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

# Writes the pages that are made from the code, then all pages as HTML. A warning is an error; nothing is fetched.
docs: $(VENV)/.installed-docs
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html -c docs . build/docs
	@echo build/docs/README.html

$(VENV)/.installed-docs: $(SOURCES) | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt '.[docs]'
	$(PIP) install --quiet --no-deps --force-reinstall .
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) $(DEMO) build dist *.egg-info
