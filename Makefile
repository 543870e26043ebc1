# Each target makes its own virtual environment and installs what it needs, so that it works on a fresh machine.
PYTHON ?= python3
DEMO := .venv
TEST := .venv-test
PIP_FLAGS := --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint clean

demo: $(DEMO)/installed  ## the main job on synthetic languages, from nothing to a filled table
	$(DEMO)/bin/hxbench prepare
	$(DEMO)/bin/hxbench train hyperx-base --setting mixed
	$(DEMO)/bin/hxbench report --table 2

test: $(TEST)/installed  ## the test suite
	$(TEST)/bin/python -m pytest -q -n 2 --dist loadfile

lint: $(TEST)/installed  ## formatting, lint and types
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/ruff check .
	$(TEST)/bin/mypy

$(DEMO)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/pip install $(PIP_FLAGS) -e .
	touch $@

$(TEST)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/pip install $(PIP_FLAGS) -e ".[dev]"
	touch $@

clean:
	rm -rf $(DEMO) $(TEST) build dist
