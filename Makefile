# Each target makes its own virtual environment and installs what it needs, so that it works on a fresh machine.
PYTHON ?= python3
DEMO := .venv
TEST := .venv-test
LOWER := .venv-lower
# not compiled beforehand: most of what torch and transformers bring is never imported, and compiling it all takes
# longer than the rest of the installation
PIP_FLAGS := --quiet --disable-pip-version-check --no-compile -c constraints.txt

.PHONY: demo test test-fast test-all lint docs resolve-lower lower-bounds clean

demo: $(DEMO)/installed  ## the main job on synthetic languages, from nothing to a filled table
	$(DEMO)/bin/hxbench prepare
	$(DEMO)/bin/hxbench train hyperx-base --setting mixed
	$(DEMO)/bin/hxbench report --table 2
	@echo
	$(DEMO)/bin/hxbench report --table 2 --against results/demo
	@echo
	@echo "What to do next (times on two idle cores):"
	@echo "  . .venv/bin/activate                                        hxbench is then on your path"
	@echo "  hxbench train hyperx-base --setting mixed --seed 2 --seed 3  the other two seeds, 5 minutes"
	@echo "  hxbench run hyperx/table2 --workers 2                       all of Table 2, three seeds: half an hour"
	@echo "  hxbench view --store results/reference                      all that is published, as a page: 1 minute"

test: $(TEST)/installed  ## the test suite, of every kind a covering sample; a third process works while two wait
	$(TEST)/bin/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m "not matrix"

test-fast: $(TEST)/installed  ## under a minute: the rooms that train nothing, the order of the rooms, the words
	$(TEST)/bin/python -m pytest -q -n 2 -m "not matrix and not slow" tests/spec tests/tasks tests/modules tests/store \
	  tests/test_rooms.py tests/test_words.py

test-all: $(TEST)/installed  ## the test suite, the whole matrix
	$(TEST)/bin/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

lint: $(TEST)/installed  ## formatting, lint and types
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/ruff check .
	$(TEST)/bin/hadolint Dockerfile
	$(TEST)/bin/mypy

docs: $(TEST)/installed  ## the documentation, into build/site; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(TEST)/bin/mkdocs build --strict --quiet --site-dir build/site

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
	  --extra test --extra ray pyproject.toml > $(LOWER)/lowest.txt
	grep -c == $(LOWER)/lowest.txt

lower-bounds: resolve-lower  ## the lowest versions, installed (6 GB: torch's builds for GPUs), and a smoke set with them
	$(LOWER)/uv/bin/uv venv --quiet --clear --python $(PYTHON) $(LOWER)/env
	$(LOWER)/uv/bin/uv pip install --quiet --python $(LOWER)/env --resolution lowest-direct -e ".[test,ray]"
	$(LOWER)/uv/bin/uv pip list --quiet --python $(LOWER)/env
	$(LOWER)/env/bin/hxbench --help
	$(LOWER)/env/bin/hxbench list methods
	for one in hyperx-base pha "pet-lora --backbone bloom-560m"; do $(LOWER)/env/bin/hxbench cost $$one || exit; done
	$(LOWER)/env/bin/python -m pytest -q tests/runs/test_costs.py tests/data/test_download.py \
	  tests/data/test_hub.py tests/backbones/test_hub_backbone.py tests/backbones/test_sites.py \
	  tests/report/test_report_render.py tests/runs/test_run.py::test_a_run_leaves_its_scores_predictions_weights_and_costs \
	  tests/runs/test_text_run.py::test_a_run_of_a_suite_scores_every_task_that_is_there

$(LOWER)/uv/installed:
	$(PYTHON) -m venv $(LOWER)/uv
	$(LOWER)/uv/bin/pip install --quiet --disable-pip-version-check --no-compile uv
	touch $@

clean:
	rm -rf $(DEMO) $(TEST) $(LOWER) build dist
