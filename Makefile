PYTHON ?= python3.11
PROFILE ?= demo
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

.PHONY: help reproduce test lint format bench clean

help: ## say what each target does
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

reproduce: $(READY) ## make every figure and table of PROFILE (demo) from the shipped models
	$(BIN)/workbench reproduce --profile $(PROFILE)

test: $(READY) ## run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(READY) ## check style, types, and that nothing is left over
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## run the benchmarks: each prints the ratio of two sides measured in one run
	@for file in tests/benchmarks/bench_*.py; do echo "$$file"; $(BIN)/python $$file || exit 1; done

clean: ## remove the environment and all results (they can be made again)
	rm -rf $(VENV) .workbench

# torch comes first and pinned: a bare "torch" may resolve to a CUDA build of several GB
$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not there: install Python 3.11 or say make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "Creating $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing pinned dependencies into $(VENV) (a few minutes, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,notebooks,cluster,onnx]'
	@touch $(READY)
