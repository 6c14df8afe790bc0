# Set-up, demo, tests and the plugin in one command each. `make help` lists the targets.
PYTHON  ?= python3
VENV    ?= .venv
PROFILE ?= default
BIN     := $(VENV)/bin

.PHONY: help env demo test lint plugin link guide-pictures clean

help:
	@echo "make demo                       set up, run typed queries over a generated scene, draw a picture"
	@echo "make demo RASTER=f.tif QUERY=q  the same on your own raster"
	@echo "make test                       set up and run every test, those inside QGIS too where it can be had"
	@echo "make lint                       ruff, mypy, bandit"
	@echo "make plugin                     build/geophrase-VERSION.zip, checked against the plugin repository's rules"
	@echo "make link PROFILE=default       link this checkout into a QGIS profile"

env: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml tools/make_env.sh $(wildcard requirements/*.txt)
	PYTHON="$(PYTHON)" VENV="$(VENV)" tools/make_env.sh
	@touch $@

demo: env
	$(BIN)/geophrase demo $(if $(RASTER),"$(RASTER)") $(if $(QUERY),--query "$(QUERY)") -o build/demo

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	tools/mypy.sh $(BIN)
	$(BIN)/bandit -q -r protocol engine qgis_plugin training -ll

test: env
	tools/make_qgis_env.sh
	$(BIN)/pytest -m "not alone" -n 2
	$(BIN)/pytest -m alone

plugin: env
	$(BIN)/python tools/package_plugin.py

link:
	$(PYTHON) tools/link_plugin.py --profile "$(PROFILE)"

guide-pictures: env
	tools/make_qgis_env.sh
	$(BIN)/pytest tests/e2e
	$(BIN)/python tools/guide_pictures.py

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache
