# Each target makes its own virtual environment and installs what it needs, so that it works on a fresh machine.
PYTHON ?= python3
DEMO := .venv
TEST := .venv-test
LOWER := .venv-lower
LOWER_TORCH ?= 2.13.0
PIP_FLAGS := --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint resolve-lower lower-bounds clean

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

resolve-lower: $(LOWER)/uv/installed  ## whether the lowest versions that pyproject.toml allows go together
	$(LOWER)/uv/bin/uv pip compile --quiet --resolution lowest-direct --python-version 3.11 --no-header --no-annotate \
	  --extra test --extra ray --output-file $(LOWER)/lowest.txt pyproject.toml
	grep -c == $(LOWER)/lowest.txt

# torch apart: its lowest CPU build is not in every index. LOWER_TORCH names the one that is installed instead.
lower-bounds: resolve-lower  ## the lowest versions, installed, and a smoke set with them
	grep -vE '^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z-]+)==' $(LOWER)/lowest.txt > $(LOWER)/without-torch.txt
	$(PYTHON) -m venv $(LOWER)/env
	$(LOWER)/env/bin/pip install --quiet --disable-pip-version-check "torch==$(LOWER_TORCH)" -r $(LOWER)/without-torch.txt
	$(LOWER)/env/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	$(LOWER)/env/bin/pip list --disable-pip-version-check
	$(LOWER)/env/bin/hxbench --help
	$(LOWER)/env/bin/hxbench list methods
	for method in hyperx-base pha pet-lora; do $(LOWER)/env/bin/hxbench cost $$method || exit; done
	$(LOWER)/env/bin/python -m pytest -q tests/stages/test_costs.py tests/stages/test_run.py \
	  tests/corpora/test_download.py tests/corpora/test_hub.py tests/backbones/test_hub_backbone.py

$(LOWER)/uv/installed:
	$(PYTHON) -m venv $(LOWER)/uv
	$(LOWER)/uv/bin/pip install --quiet --disable-pip-version-check uv
	touch $@

clean:
	rm -rf $(DEMO) $(TEST) $(LOWER) build dist
