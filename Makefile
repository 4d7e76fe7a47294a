# Needs Python 3.11 (or later), make, and a C compiler for full speed; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
HOME_DIR := $(CURDIR)/.airflow
AIRFLOW_ENV = AIRFLOW_HOME="$(HOME_DIR)" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER="$(CURDIR)/dags" \
  AIRFLOW_CONN_SAVEMASKS_ON_DEMAND='{"conn_type": "savemasks", "host": "$(CURDIR)/dags/sample/projects", "extra": {"only_below_root": true}}' \
  AIRFLOW_CONN_SAVEMASKS_TEAM_FILES_DEFAULT='{"conn_type": "savemasks", "host": "$(HOME_DIR)/team_files"}' \
  PATH="$(CURDIR)/$(BIN):$$PATH"
PORT ?= 8080

AXE := .tools/axe

COMPAT := lowest airflow32 airflow33 newest python312 python313

.PHONY: demo ui browser test fast hostile schedules mutants storages contract readers e2e lint clean wheels packaging packaging-quick aarch64 \
  compat $(COMPAT:%=compat-%) constraints audit licences lint-workflows release-check

.venv/installed: pyproject.toml constraints.txt build_kernels.py $(wildcard airflow_savemasks/engine/native/*.[ch])
	$(PYTHON) -m venv .venv
	sed -n '/^uv==/,/# via/p' constraints.txt > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r .venv/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -b constraints.txt \
	  --reinstall-package airflow-savemasks --group dev -e '.[s3,gcs,azure,sftp]'
	touch .venv/installed

## demo: an ingest and an export of the sample pictures through Airflow; ends with the archive's content
demo: .venv/installed
	@mkdir -p .airflow
	@$(AIRFLOW_ENV) $(BIN)/airflow db migrate > .airflow/demo.log 2>&1 || { tail -40 .airflow/demo.log; exit 1; }
	@echo "Running the DAG ingest_then_save_masks (log: .airflow/demo.log) ..."
	@$(AIRFLOW_ENV) $(BIN)/airflow dags test ingest_then_save_masks >> .airflow/demo.log 2>&1 \
	  || { tail -40 .airflow/demo.log; exit 1; }
	@$(BIN)/python -m airflow_savemasks verify .airflow/team_files/desk.tar > /dev/null
	@echo "The archive is .airflow/team_files/desk.tar, and in it are:"
	@$(BIN)/python -m tarfile -l .airflow/team_files/desk.tar

## ui: Airflow on 127.0.0.1:$(PORT) with the sample DAGs; the login is shown
ui: .venv/installed
	@mkdir -p .airflow
	$(AIRFLOW_ENV) PORT=$(PORT) $(BIN)/python tests/tools/standalone.py

## browser: Debian's Chromium against a real Airflow, as a person uses the Masks tab; screenshots lie in .browser
.browser/installed: pyproject.toml .venv/installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt --group browser
	npm install --silent --no-save --no-audit --no-fund --prefix $(AXE) axe-core || echo "no axe-core: its check is skipped"
	@mkdir -p .browser && touch .browser/installed

browser: .browser/installed
	AXE="$(CURDIR)/$(AXE)/node_modules/axe-core/axe.min.js" $(BIN)/python -m pytest tests/browser

## test: all but the slow suites, which have targets below; fast: what needs no Airflow, and no second on a process
test: .venv/installed
	$(BIN)/python -m pytest -n 2

fast: .venv/installed
	$(BIN)/python -m pytest -n auto tests/engine tests/standin \
	  --ignore tests/engine/storage/test_stream_shell.py --ignore tests/engine/test_independence.py \
	  --deselect tests/engine/storage/test_packed.py::test_a_zip_with_something_before_it_and_a_large_one

## hostile: broken and hostile projects, each exported in a process with bounds on its memory and its time
hostile: .venv/installed
	$(BIN)/python -m pytest tests/hostile

## schedules: exports over storages that fail, lie and kill, a thousand times; SCHEDULE=17 for the one of that seed
schedules: .venv/installed
	SCHEDULES=$${SCHEDULES:-1000} $(BIN)/python -m pytest -n 2 tests/hostile/test_schedules.py

## mutants: a random sample of changes to the engine, of which the tests have to see at least nine in ten
mutants: .venv/installed
	$(BIN)/python tests/tools/mutants.py

## storages: S3, Azure, SFTP ... against real servers; e2e: SIGKILL, and CeleryExecutor with two workers
storages: .venv/installed
	$(BIN)/python -m pytest tests/storages

e2e: .venv/installed
	$(BIN)/python -m pytest tests/e2e

## contract: the stand-in instance and our drawing against the real Supervisely SDK, in an environment of its own
SDK := .sdk/bin/python
.sdk/installed: Makefile .venv/installed
	$(PYTHON) -m venv .sdk
	$(BIN)/uv pip install --quiet --python $(SDK) supervisely==6.74.51 opencv-python-headless
	touch .sdk/installed

contract: .sdk/installed
	SUPERVISELY_PYTHON="$(CURDIR)/$(SDK)" $(BIN)/python -m pytest tests/contract

## readers: archives read by webdataset, Pillow, OpenCV, Datumaro; TORCH=1 installs torch, too, for its DataLoader
READERS := .readers/bin/python
.readers/installed: Makefile tests/readers/requirements.txt .venv/installed
	$(PYTHON) -m venv .readers
	$(BIN)/uv pip install --quiet --python $(READERS) -r tests/readers/requirements.txt
	touch .readers/installed

readers: .readers/installed
	$(if $(TORCH),$(READERS) -m pip install --quiet torch==2.13.0)
	$(READERS) -m pytest -rs tests/readers

## wheels: the sdist and a wheel for each platform into dist/, with SBOM and SHA256SUMS; the same bytes each time
RELEASE := .release/bin/python
.release/installed: pyproject.toml constraints.txt .venv/installed
	$(PYTHON) -m venv --clear .release
	$(BIN)/uv pip install --quiet --python $(RELEASE) -c constraints.txt --group release
	touch .release/installed

wheels: .release/installed
	$(RELEASE) releasing/wheels.py

## packaging: what is in wheels and sdist, an empty environment, supply chain, workflows; packaging-quick is the gate's part
packaging: .release/installed
	$(RELEASE) -m pytest -rs tests/packaging

packaging-quick: .release/installed
	$(RELEASE) -m pytest -rs tests/packaging -m "not slow"

## aarch64: the kernels' tests and all goldens on an emulated aarch64 (Debian's qemu-user-static), and the bytes compared
aarch64: .release/installed
	$(RELEASE) -m pytest -rs tests/packaging/test_aarch64.py

## compat-lowest, -airflow32, -airflow33, -newest, -python312, -python313: the tests with other versions; prints a row
## for docs/compatibility.md
$(COMPAT:%=compat-%): compat-%: .venv/installed
	$(BIN)/python releasing/compat.py $*

compat: $(COMPAT:%=compat-%)

## constraints: constraints.txt anew, with hashes, keeping the versions that it has; UPGRADE=1 takes the newest
constraints: .venv/installed
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
	  --custom-compile-command "make constraints" --all-extras --group dev --group browser --group release \
	  pyproject.toml -o constraints.txt

## audit: known vulnerabilities in constraints.txt; licences: docs/licences.md anew, from what is installed
audit: .release/installed
	$(RELEASE) releasing/audit.py

licences: .release/installed
	$(PYTHON) -m venv --clear .licences
	$(BIN)/uv pip install --quiet --python .licences/bin/python -r constraints.txt
	.licences/bin/python releasing/licences.py > .licences/licences.md
	mv .licences/licences.md docs/licences.md

## lint-workflows: .github against zizmor, without a network
lint-workflows: .release/installed
	.release/bin/zizmor --offline --no-progress --pedantic --strict-collection .github

## release-check: whether the checkout is ready for TAG=v0.1.0
release-check:
	$(PYTHON) releasing/check.py $(TAG)

## docs: the site in .site, strict, and every command and block of code in it run; it is read without a network
DOCS := .docs/bin
.docs/installed: tests/docs/requirements.txt .venv/installed
	$(PYTHON) -m venv .docs
	$(BIN)/uv pip install --quiet --python $(DOCS)/python -r tests/docs/requirements.txt
	touch .docs/installed

.PHONY: docs site
site: .docs/installed
	NO_MKDOCS_2_WARNING=1 $(DOCS)/mkdocs build --quiet --strict

docs: site
	$(BIN)/python -m pytest -n 2 tests/docs

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .airflow .browser .pytest_cache .mypy_cache .ruff_cache .hypothesis
