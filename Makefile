# `make demo` and `make test` do all the set-up by themselves; see README.md.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# A display that exists in memory only, unless there is a real one
XVFB := xvfb-run --auto-servernum --server-args="-screen 0 1920x1200x24"
# Two tests at a time, each with a display of its own
PARALLEL := --numprocesses 2 --dist worksteal
HAS_DISPLAY := $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname -s)))

.PHONY: demo test test-all bench lint format constraints clean

ifneq ($(HAS_DISPLAY),)
demo: .venv/.reader  ## open the reader app on the bundled demo study
	@.ci/system-libraries window
	$(BIN)/reader-app demo --output demo-output
else
demo: .venv/.admin  ## without a display: read it by a script, to the report
	@.ci/system-libraries window headless report
	@echo "No display here: a scripted reader works through the demo study on a display in memory."
	$(XVFB) $(BIN)/reader-app demo --scripted --output demo-output
	@echo "Then its coordinator collects, unblinds and reports."
	$(BIN)/study-admin demo --output demo-output
endif

# one thread for each of the two workers: more of them than cores only wait for each other
test: .venv/.dev  ## the whole suite, with real windows under Xvfb
	@.ci/system-libraries window headless report
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not long" $(PARALLEL)

test-all: .venv/.dev  ## the long tests too
	@.ci/system-libraries window headless report
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PARALLEL)

bench: .venv/.dev  ## what the README's figures come from
	@.ci/system-libraries window headless
	$(XVFB) $(BIN)/python -m tests.benchmarks

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Blindread needs Python 3.11 or newer; name one by: make PYTHON=python3.12 ..." >&2; exit 1; }
	@.ci/system-libraries python
	@echo "Making the virtual environment .venv (a few minutes, once)"
	@rm -rf .venv
	$(PYTHON) -m venv .venv

.venv/.reader: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

.venv/.admin: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable ".[admin]"
	@touch $@ .venv/.reader

.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable ".[dev]"
	@touch $@ .venv/.admin .venv/.reader

constraints: ## what pip resolves to today, for constraints.txt
	rm -rf build/fresh && $(PYTHON) -m venv build/fresh && build/fresh/bin/pip install --quiet ".[dev]"
	{ echo "# What pip may install, exactly; made by \`make constraints\` from a fresh environment."; \
	  build/fresh/bin/pip freeze --exclude blindread; } > constraints.txt

clean:
	rm -rf .venv build demo-output *.egg-info
