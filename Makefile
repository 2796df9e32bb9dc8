PYTHON ?= python3.11
PROFILE ?= demo
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

# tests and workers start many processes, which would each compile what they import
unexport PYTHONDONTWRITEBYTECODE

PUBLIC := api threat data models attacks defenses information evaluation.battery evaluation.information \
  evaluation.store evaluation.records tables figures statistics profiles audit explore

.PHONY: help install reproduce test notebooks lint format bench docs wheel clean

help: ## say what each target does
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(READY) ## create the environment in .venv, once; the other targets do so too
	@echo "Say: source $(BIN)/activate"

reproduce: $(READY) ## make every figure and table of PROFILE (demo) from the shipped models
	$(BIN)/workbench reproduce --profile $(PROFILE)

test: $(READY) ## run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal

notebooks: $(READY) ## run the notebooks; their outputs are written to .workbench/notebooks
	@mkdir -p .workbench/notebooks
	@for file in notebooks/*.ipynb; do echo "$$file"; \
	  $(BIN)/jupyter nbconvert --log-level WARN --to html --execute --output-dir .workbench/notebooks $$file || exit 1; done
	@echo "Open .workbench/notebooks/*.html, or run $(BIN)/jupyter lab notebooks"

lint: $(READY) ## check style, types, and that nothing is left over
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## run the benchmarks: each prints the ratio of two sides measured in one run
	@for file in tests/benchmarks/bench_*.py; do echo "$$file"; $(BIN)/python $$file || exit 1; done

docs: $(READY) ## write the reference of the library, from its docstrings, to .workbench/docs
	$(BIN)/pdoc --output-directory .workbench/docs $(addprefix workbench.,$(PUBLIC))
	@echo "Open .workbench/docs/index.html"

wheel: $(READY) ## build dist/*.whl, zoo included
	@rm -rf build # what an earlier build left would come along
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls -l dist

clean: ## remove the environment and all results (they can be made again)
	rm -rf $(VENV) .workbench

# torch comes first and pinned: a bare "torch" may resolve to a CUDA build of several GB;
# what is used is compiled when it is first imported, which is a small part of what is installed
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not there: install Python 3.11 or say make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "Creating $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing pinned dependencies into $(VENV) (a few minutes, once)"
	@$(PIP) torch==2.13.0
	@$(PIP) -e '.[dev,notebooks,cluster,onnx]'
	@touch $(READY)
