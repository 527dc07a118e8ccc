# Each target sets up what it needs in a fresh clone. It requires only make, and Python 3.11 or newer as $(PYTHON3).
PYTHON3 ?= python3
PORT ?= 3000
ARCH ?= arm64
STACK ?= waypost

ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
VENV := $(ROOT)/.venv
PYTHON := $(VENV)/bin/python
UV := $(VENV)/bin/uv
TOOL := $(UV) tool run --quiet --from
SAM := $(TOOL) aws-sam-cli==1.170.0 sam
CFN_LINT := $(TOOL) cfn-lint==1.58.0 cfn-lint
READY := $(VENV)/.ready
LOCAL := $(ROOT)/.local
LOCAL_READY := $(LOCAL)/.ready

export SAM_CLI_TELEMETRY := 0
export UV_COMPILE_BYTECODE := 1
export UV_LINK_MODE := copy
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help run test model check check-ruff check-types check-template format build build-arm64 build-x86_64 deploy bench lock clean setup

help:  ## Print this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

run: $(LOCAL_READY)  ## Run all of Waypost on this machine: make run PORT=3000
	@cd $(ROOT) && exec env PYTHONPATH=layers/core $(PYTHON) -m functions.local --port $(PORT)

test: $(LOCAL_READY)  ## Run all tests, also those on the locally deployed template
	@cd $(ROOT) && $(PYTHON) -m pytest -q -n 2 --dist loadgroup $(TESTS)

HISTORIES ?= 200000
model: $(READY)  ## Compare more random histories with the reference model: make model HISTORIES=200000
	@cd $(ROOT) && WAYPOST_HISTORIES=$(HISTORIES) WAYPOST_EXAMPLES=5000 $(PYTHON) -m pytest -q -n 2 tests/model

check: check-ruff check-types check-template check-coverage  ## ruff, mypy, cfn-lint, sam validate, branch coverage of the domain

# The parts of `make check`, each a hook in .pre-commit-config.yaml.
check-ruff: $(READY)
	cd $(ROOT) && $(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .

check-types: $(READY)
	cd $(ROOT) && $(VENV)/bin/mypy

check-template: $(READY)
	cd $(ROOT) && $(CFN_LINT) template.yaml
	cd $(ROOT) && AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

# Coverage is measured with the tests of the domain and of the use cases only, because they are fast.
check-coverage: $(READY)
	cd $(ROOT) && $(PYTHON) -m pytest -q -n 2 tests/domain tests/usecases --cov --cov-report=term:skip-covered

format: $(READY)  ## Format the code and fix what ruff can fix
	cd $(ROOT) && $(VENV)/bin/ruff check --fix . ; $(VENV)/bin/ruff format .

ARCHITECTURES := $(if $(filter file,$(origin ARCH)),arm64 x86_64,$(ARCH))
build: $(ARCHITECTURES:%=build-%)  ## Build for AWS, in .aws-sam/arm64 and .aws-sam/x86_64: make build [ARCH=arm64]

build-arm64 build-x86_64: build-%: $(READY)
	cd $(ROOT) && ARCH=$* $(SAM) build --build-dir .aws-sam/$* --parameter-overrides Architecture=$*

deploy: build-$(ARCH)  ## Deploy to AWS with your credentials: make deploy STACK=waypost ARCH=arm64
	cd $(ROOT) && $(SAM) deploy --config-file $(ROOT)/samconfig.toml --template-file .aws-sam/$(ARCH)/template.yaml --stack-name $(STACK) --parameter-overrides Architecture=$(ARCH) $(PARAMETERS)

bench: $(READY)  ## Print AWS calls, billed units, prices and CPU time of usual batches
	@cd $(ROOT) && $(PYTHON) tests/bench.py

LOCK := $(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11
lock: $(READY)  ## Compile the requirements files from pyproject.toml
	cd $(ROOT) && $(LOCK) pyproject.toml --output-file layers/core/requirements.txt
	cd $(ROOT) && $(LOCK) functions/local/requirements.in --no-annotate --output-file functions/local/requirements.txt
	cd $(ROOT) && $(LOCK) pyproject.toml --group dev --constraints layers/core/requirements.txt --no-annotate --output-file requirements-dev.txt

clean:  ## Delete everything that was built or installed
	rm -rf $(VENV) $(LOCAL) $(ROOT)/.aws-sam $(ROOT)/.mypy_cache $(ROOT)/.pytest_cache $(ROOT)/.ruff_cache $(ROOT)/.hypothesis

# uv itself is installed from the same lock file with hashes as all other packages.
setup: $(READY)  ## Create the virtual environment only
$(READY): $(ROOT)/requirements-dev.txt
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Waypost needs Python 3.11 or newer: make PYTHON3=/path/to/python3.11 ..." >&2; exit 1; }
	@test -x $(PYTHON) || $(PYTHON3) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' $< > $(VENV)/uv.txt
	@test -x $(UV) || $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement $(VENV)/uv.txt
	@$(UV) pip sync --quiet --require-hashes --python $(PYTHON) $<
	@touch $@

# MiniStack has an environment of its own, because it pins another boto3. The emulated functions use the layer's packages for this machine.
$(LOCAL_READY): $(ROOT)/functions/local/requirements.txt $(ROOT)/layers/core/requirements.txt | $(READY)
	@rm -rf $(LOCAL) && $(UV) venv --quiet --python $(PYTHON) $(LOCAL)/ministack
	@$(UV) pip sync --quiet --require-hashes --python $(LOCAL)/ministack/bin/python $(ROOT)/functions/local/requirements.txt
	@$(UV) pip install --quiet --require-hashes --no-deps --python $(PYTHON) --target $(LOCAL)/packages --requirements $(ROOT)/layers/core/requirements.txt
	@touch $@

# ---- targets that `sam build` runs, once for each resource, with ARTIFACTS_DIR set ----
PLATFORM_arm64 := aarch64-manylinux_2_28
PLATFORM_x86_64 := x86_64-manylinux_2_28
RUNTIME ?= $(shell for p in python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13*/bin/python3.13 "$$HOME"/.local/share/uv/python/cpython-3.13*/bin/python3.13; do \
  "$$p" -c 'import sys; print(sys.executable)' 2>/dev/null && break; done)
define NO_RUNTIME
!!! Python 3.13 was not found, so this build has no .pyc files: each cold start compiles its imports, which takes about 0.6 s.
!!! Install it, or give its path: make build RUNTIME=/path/to/python3.13
endef
export NO_RUNTIME

# Folders in Lambda are read-only, so a module that is not compiled here is compiled at each cold start. $(1) is the path of the folder in Lambda.
compile = $(if $(RUNTIME),$(RUNTIME) -m compileall -q -j 0 -s "$(ARTIFACTS_DIR)" -p $(1) --invalidation-mode unchecked-hash "$(ARTIFACTS_DIR)",echo "$$NO_RUNTIME")

.PHONY: runtime build-CoreLayer build-IngestFunction build-MatchFunction build-SendFunction build-ManageFunction
build-CoreLayer: $(READY)
	env -u UV_COMPILE_BYTECODE $(UV) pip install --quiet --requirements $(ROOT)/layers/core/requirements.txt --target "$(ARTIFACTS_DIR)/python" --python-version 3.13 \
	  --python-platform $(PLATFORM_$(ARCH)) --only-binary :all: --no-deps --require-hashes
	rm -rf "$(ARTIFACTS_DIR)/python/.lock" "$(ARTIFACTS_DIR)/python/bin"
	tar -cf - -C $(ROOT)/layers/core --exclude __pycache__ waypost | tar -xf - -C "$(ARTIFACTS_DIR)/python"
	@$(call compile,/opt)

build-IngestFunction build-MatchFunction build-SendFunction build-ManageFunction: build-%Function:
	cp $(ROOT)/functions/$(shell echo $* | tr A-Z a-z)/*.py "$(ARTIFACTS_DIR)"
	@$(call compile,/var/task)

runtime:
	@echo "$(RUNTIME)"
