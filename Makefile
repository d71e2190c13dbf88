# The one door for developers; CI calls nothing else. `make help` lists the targets.

VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
JOBS ?= 2
PYTEST := $(PY) -m pytest -n $(JOBS) --dist loadgroup
CODE := src tests tools bench examples zoo/run.py zoo/peers.py web/e2e noxfile.py hatch_build.py

.DEFAULT_GOAL := help
.PHONY: help demo test check test-all bench bench-ui zoo docs docs-check fmt fmt-check lint types layers \
	deps web web-check web-test pictures coverage frozen frameworks constraints clean

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(VENV)/.ready-demo web ## train real models, then open the dashboard; DEMO_ARGS="--no-serve"
	$(BIN)/notabene demo $(DEMO_ARGS)

test: $(VENV)/.ready-dev web ## unit, conformance, properties (small), faults (short), docs, examples, browser
	$(PYTEST) -m "not slow" $(PYTEST_ARGS)
	@$(MAKE) --no-print-directory web-test

check: fmt-check lint types layers deps docs-check web-check test ## all that CI asks for

test-all: $(VENV)/.ready-dev ## everything, with many more examples for the property tests
	$(PYTEST) --hypothesis-profile=large $(PYTEST_ARGS)

frameworks: $(VENV)/frameworks/.ready-frameworks $(VENV)/tensorflow/.ready-tensorflow ## train with every framework, in environments of their own (large)
	$(VENV)/frameworks/bin/python -m pytest -n $(JOBS) --dist loadfile -k frameworks \
		tests/frameworks tests/docs/test_pages.py $(PYTEST_ARGS)
	$(VENV)/tensorflow/bin/python -m pytest tests/frameworks/test_tensorflow.py $(PYTEST_ARGS)

bench: $(VENV)/.ready-dev ## print our figures, and those of each peer that is installed
	$(PY) bench/run.py $(BENCH_ARGS)

docs: $(VENV)/.ready-dev $(VENV)/.ready-docs web ## write the reference and the web's client anew, build the pages
	$(PY) tools/reference.py && $(PY) tools/openapi.py && $(BIN)/mkdocs build --quiet --strict
	cd web && npm run --silent api

docs-check: $(VENV)/.ready-dev ## fail where the reference differs from the code
	$(PY) tools/reference.py --check && $(PY) tools/openapi.py --check

web: $(VENV)/.ready-demo ## build the web interface, where its sources are newer (needs Node.js 20)
	@$(PY) tools/webui.py

web-check: web ## its format, lint, types, and whether its client fits the API
	cd web && npm run --silent lint && npm run --silent check && npm run --silent api:check

web-test: $(VENV)/.ready-dev web ## its logic, and its pages in a real browser
	cd web && npm run --silent test && PYTHON=$(abspath $(PY)) npm run --silent e2e

pictures: $(VENV)/.ready-dev web ## take the README's pictures anew, of the demo's runs
	$(PY) tools/pictures.py

zoo: $(VENV)/.ready-dev ## run scripts that cannot be repeated, and score what is said of them
	$(PY) zoo/run.py $(ZOO_ARGS)

bench-ui: $(VENV)/.ready-dev web ## print what the pages cost in a browser, beside peers that are installed
	$(PY) bench/pages.py $(BENCH_ARGS)

fmt: $(VENV)/.ready-dev ## format
	$(BIN)/ruff format $(wildcard $(CODE)) && $(BIN)/ruff check --fix-only --quiet $(wildcard $(CODE))

fmt-check: $(VENV)/.ready-dev ## is it formatted?
	$(BIN)/ruff format --check $(wildcard $(CODE))

lint: $(VENV)/.ready-dev ## ruff
	$(BIN)/ruff check $(wildcard $(CODE))

types: $(VENV)/.ready-dev ## mypy, strict
	$(BIN)/mypy

layers: $(VENV)/.ready-dev ## who may import whom
	$(BIN)/lint-imports

deps: $(VENV)/.ready-dev ## nothing imported undeclared, nothing declared unused
	$(BIN)/deptry src

coverage: $(VENV)/.ready-dev ## which lines no test reaches
	$(BIN)/coverage run -m pytest -q -m "not slow" && $(BIN)/coverage combine -q && $(BIN)/coverage report

frozen: $(VENV)/.ready-dev ## write this release's journals and stores into tests/frozen (at a release)
	$(PY) tools/frozen.py

constraints: ## take the newest versions of all that is used here, and write them down
	NEWEST=1 tools/environment $(VENV)-newest dev
	(sed -n 1p tools/constraints.txt; $(VENV)-newest/bin/python -m pip freeze --exclude-editable) \
		> $(VENV)-newest/constraints.txt
	mv $(VENV)-newest/constraints.txt tools/constraints.txt
	rm -rf $(VENV)-newest

clean: ## remove the environment and all that was built
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* && find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.ready-%: pyproject.toml tools/environment tools/constraints.txt
	@tools/environment $(VENV) $*

$(VENV)/frameworks/.ready-frameworks: pyproject.toml tools/environment
	@tools/environment $(VENV)/frameworks frameworks

$(VENV)/tensorflow/.ready-tensorflow: pyproject.toml tools/environment
	@tools/environment $(VENV)/tensorflow tensorflow
