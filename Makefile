# Set-up, demo and tests in one command each. `make help` lists the targets.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

# One pinned torch for CPU machines (the +cpu build, without several GB of CUDA libraries).
TORCH     ?= torch==2.13.0
CPU_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: help env demo test lint clean

help:
	@echo "make demo                       set up, run typed queries over a generated scene, draw a picture"
	@echo "make demo RASTER=f.tif QUERY=q  the same on your own raster"
	@echo "make test                       set up and run every test"
	@echo "make lint                       ruff, mypy, bandit"

env: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml tools/make_env.sh
	PYTHON="$(PYTHON)" VENV="$(VENV)" TORCH="$(TORCH)" CPU_INDEX="$(CPU_INDEX)" tools/make_env.sh
	@touch $@

demo: env
	$(BIN)/geophrase demo $(if $(RASTER),"$(RASTER)") $(if $(QUERY),--query "$(QUERY)") -o build/demo

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	tools/mypy.sh $(BIN)
	$(BIN)/bandit -q -r protocol engine -ll

test: env
	$(BIN)/pytest

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache
