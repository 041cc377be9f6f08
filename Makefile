# One word a task. A fresh machine needs Python 3.11 or later and make; everything else is installed into .venv.
#   make run    learn the shipped data, run every kind of job, leave tables and pictures in ./symjobs-run
#   make test   all tests (tests/services.sh starts PostgreSQL for them where it is installed)
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
OUT    ?= symjobs-run

.PHONY: run test lint bench docs gpu clean

run: $(VENV)/.all
	$(BIN)/symjobs demo --out $(OUT)

test: $(VENV)/.dev
	bash tests/services.sh $(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "the book is in docs/_build/html/index.html"

bench: $(VENV)/.bench
	@set -e; for script in benchmarks/[!_]*.py; do echo "== $$script"; $(BIN)/python "$$script" $(ARGS); done

# On a machine with an NVIDIA GPU, with its own Python and CuPy; installs nothing. PART=tests or PART=bench runs a half.
PART ?= all
gpu:
	@$(PYTHON) tests/gpu_run.py $(PART) --out $(OUT)/gpu $(ARGS)

# A stamp for each set of packages: installed again only when pyproject.toml has changed.
$(VENV)/.%: pyproject.toml | $(BIN)/python
	@echo "installing symjobs[$*] into $(VENV) ..."
	@$(PIP) install --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "symjobs needs Python 3.11 or later; try: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) $(OUT) docs/_build build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
