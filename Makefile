# One word a task. A fresh machine needs Python 3.11 or later and make; everything else is installed into .venv.
#   make run    learn the shipped data, run every kind of job, leave tables and pictures in ./symjobs-run
#   make test   all tests (tests/services.sh starts PostgreSQL for them where it is installed); ARGS="-k vif -x"
#   make serve  the server on real data, with a first user; Ctrl-C ends it; ARGS="--port 8080"
#   make soak   long runs: many more examples and rounds of the tests that have counts. Each takes what fits into some
#               20 seconds; FULL=1 runs all of them. The seed is printed; SEED=... repeats a run
#   make test-matrix  the kernel tests as on other processors, with other libraries and Pythons; ONLY="generic numpy"
# These share the tests among WORKERS processes (2; 0 for none), which keep what they compile in __pycache__.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
OUT    ?= symjobs-run
WORKERS ?= 2
PYTEST := bash tests/services.sh $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.PHONY: run serve test test-matrix soak lint bench docs gpu clean

run: $(VENV)/.all
	$(BIN)/symjobs demo --out $(OUT)

serve: $(VENV)/.all
	@$(BIN)/symjobs serve --root $(OUT)/server --demo $(ARGS)

# Tests start many processes: only the first one of them compiles.
test test-matrix soak: export PYTHONDONTWRITEBYTECODE :=
# Where several processes have threads of BLAS or OpenMP for every core, these wait for each other: one test took 18 s
# instead of 0.2 s. The package's own threads are as many as ever.
test test-matrix: export OPENBLAS_NUM_THREADS ?= 1
test test-matrix: export OMP_NUM_THREADS ?= 1

test: $(VENV)/.dev
	$(PYTEST) $(ARGS)

# ONLY="generic numpy" runs two of the configurations, which tests/matrix_run.py lists; ARGS="-k vif -x" goes to pytest.
test-matrix: $(VENV)/.dev
	$(BIN)/python tests/matrix_run.py $(ONLY) --out $(OUT)/matrix --workers $(WORKERS) -- $(ARGS)

soak: $(VENV)/.dev
	@seed=$(or $(SEED),$$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')); set -x; \
	$(PYTEST) --soak $$seed --hypothesis-seed $$seed $(if $(FULL),--full --timeout 3600,--timeout 900) $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "the book is in docs/_build/html/index.html"

bench: $(VENV)/.bench
	$(BIN)/python -m pytest benchmarks $(ARGS)

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
	rm -rf $(VENV) .venv-* $(OUT) docs/_build build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
