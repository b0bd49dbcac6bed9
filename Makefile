# Everything a fresh clone needs: Python 3.11 or newer and make. Each target prepares what it uses.
PYTHON ?= python3
BIN := .venv/bin
# Two workers suit the two cores of the machine that checks every submission.
WORKERS ?= 2

.PHONY: docs metrics-table setup demo bench test soak soak-pair lint types layering unit diagrams journals traceability lock proto clean

setup: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup
	$(BIN)/hamgr demo

# How fast a pair is on this machine, as tables for docs/bench.md: some ten minutes, in which nothing else should run.
bench: setup
	$(BIN)/hamgr bench failover --markdown

test: lint types layering unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

layering: setup
	$(BIN)/lint-imports

unit: setup
	$(BIN)/pytest -n $(WORKERS)

# The random searches of the tests, many times as long: about an hour.
soak: setup
	HAMGR_SOAK=20 HAMGR_LAB_FACTOR=20 $(BIN)/pytest -n $(WORKERS) --timeout 7200 tests/hamgr_fsm/test_switch_driven_lives.py tests/lab

# A pair of real processes that is switched over a thousand times while things around it break: half an hour.
soak-pair: setup
	$(BIN)/hamgr soak-pair --switchovers 1000 --seed 1 --kills

# Writes the pictures and tables of the machines and workflows; the pictures need the program dot of Graphviz.
diagrams: setup
	$(BIN)/hamgr diagram --output diagrams
	cp diagrams/*-driven-scope.svg diagrams/*-driven-scope-dark.svg runner/web/pictures/

# Writes the table of the metrics into docs/metrics.md.
metrics-table: setup
	$(BIN)/python -m runner.documentation

# Builds the documentation site in build/site, without the internet; a link that leads nowhere is an error.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --clean

# Writes which tests take which row of which section; it runs the tests of machines, node and lab for that.
traceability: setup
	$(BIN)/python -m pytest -q -n 0 -p tests.traceability --write-traceability docs/traceability.md tests/hamgr_fsm tests/node tests/lab

# Records the journals of two real daemons that the tests replay; after a change of the rules that is meant.
journals: setup
	$(BIN)/python -m tests.journal.record_real_run

# Pins every dependency with its hashes; run after a change of the dependencies in pyproject.toml.
lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-emit-index-url --no-header pyproject.toml --output-file requirements.lock

# Writes the protobuf classes of the controller's tables from their declarations.
proto: setup
	$(BIN)/python -m grpc_tools.protoc --proto_path=. --python_out=. --pyi_out=. models/protobuf/*.proto

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
