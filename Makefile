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
OXLINT := $(TOOL) oxlint==1.89.0 oxlint
CFN_LINT := $(TOOL) cfn-lint==1.58.0 cfn-lint
READY := $(VENV)/.ready
LOCAL := $(ROOT)/.local
LOCAL_READY := $(LOCAL)/.ready
MOTO_READY := $(LOCAL)/moto/.ready
# The tests of the console drive the Chromium of the system. Without one they are skipped, and Playwright is not installed.
CHROMIUM := $(firstword $(foreach program,chromium chromium-browser google-chrome,$(shell command -v $(program))))
BROWSER_READY := $(if $(CHROMIUM),$(LOCAL)/browser/.ready)

export SAM_CLI_TELEMETRY := 0
export UV_COMPILE_BYTECODE := 1
export UV_LINK_MODE := copy
# The certificates that the system trusts, among them the one of a company's proxy. uv's own list, its default, has public ones only.
export UV_SYSTEM_CERTS ?= true
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help run test test-sam test-console screens model proof check check-ruff check-types check-modules check-template format build deploy test-events bench lock clean setup

help:  ## Print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 13

BACKEND ?= ministack
run: $(if $(filter moto,$(BACKEND)),$(MOTO_READY),$(LOCAL_READY))  ## Run all of Waypost on this machine: make run PORT=3000, or make run BACKEND=moto
	@cd $(ROOT) && exec env PYTHONPATH=layers/core $(PYTHON) -m functions.local --port $(PORT) --backend $(BACKEND) --sam-variables $(SAM_VARIABLES)

# Many tests wait for containers and timers, so there are more workers than processors. tests/conftest.py has the order and the groups.
WORKERS ?= 4
PYTEST = $(PYTHON) -m pytest -q -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
test: $(LOCAL_READY) $(MOTO_READY)  ## Run all tests but those of the SAM CLI and of a browser, also those on the locally deployed template
	@cd $(ROOT) && $(PYTEST) $(or $(TESTS),--ignore=tests/sam_local --ignore=tests/console)
	@$(if $(TESTS),,echo "!!! sam local and sam deploy are NOT tested: make test-sam tests them, and needs a Docker engine for sam local.")
	@$(if $(TESTS),,echo "!!! The console is NOT tested in a browser: make test-console does that, and needs Chromium.")

# A stage of its own: the SAM CLI builds, packs and uploads everything, and starts containers, which takes minutes.
test-sam: $(LOCAL_READY) $(MOTO_READY)  ## Run the tests of the SAM CLI: make invoke and make api in containers, and make deploy
	@cd $(ROOT) && $(PYTEST) tests/sam_local

# A stage of its own: a browser opens every page in every state, which takes minutes. Each worker has a browser and a stack.
test-console: $(LOCAL_READY) $(BROWSER_READY)  ## Run the tests of the console in Chromium
	@cd $(ROOT) && $(PYTHON) -m pytest -q -n 2 --dist loadgroup --no-loadscope-reorder tests/console

screens: $(LOCAL_READY) $(LOCAL)/browser/.ready  ## Write screenshots of every page of the console into .local/screens
	@cd $(ROOT) && PYTHONPATH=layers/core:. $(PYTHON) -m tests.console.screens $(LOCAL)/screens

HISTORIES ?= 200000
EXAMPLES ?= 5000
model: $(READY)  ## Compare more random histories with the reference model, and try more random examples: make model HISTORIES=200000
	@cd $(ROOT) && WAYPOST_HISTORIES=$(HISTORIES) WAYPOST_EXAMPLES=$(EXAMPLES) $(PYTHON) -m pytest -q -n 2 tests/model
	@cd $(ROOT) && WAYPOST_EXAMPLES=1000 $(PYTHON) -m pytest -q -n 2 -m hypothesis tests/domain tests/usecases

# The long form of tests/proof, of which `make test` runs a short one: every crash point, all pairs, interleavings, random schedules, planted
# bugs. With SEED, only the random schedule of that seed, with the shortest list of operations that still fails.
SEED ?=
proof: $(LOCAL_READY) $(MOTO_READY)  ## Prove that nothing is lost and nothing happens twice, and print what was tried: make proof, make proof SEED=7
	@cd $(ROOT) && PYTHONPATH=layers/core:. $(PYTHON) -m tests.proof $(SEED)

check: check-ruff check-types check-modules check-template check-coverage  ## ruff, mypy, oxlint, cfn-lint, sam validate, branch coverage of the domain

# The parts of `make check`, each a hook in .pre-commit-config.yaml.
check-ruff: $(READY)
	cd $(ROOT) && $(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .

check-types: $(READY)
	cd $(ROOT) && $(VENV)/bin/mypy

check-modules: $(READY)
	cd $(ROOT) && $(OXLINT) --deny-warnings -D correctness -A no-control-regex -A no-invalid-fetch-options -D eqeqeq -D no-eval -D no-implied-eval -D no-var -D prefer-const functions/manage/console

check-template: $(READY)
	cd $(ROOT) && $(CFN_LINT) template.yaml
	cd $(ROOT) && AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

# Coverage is measured with the tests of the domain and of the use cases only, because they are fast.
check-coverage: $(READY)
	cd $(ROOT) && $(PYTHON) -m pytest -q -n 2 tests/domain tests/usecases --cov --cov-report=term:skip-covered

format: $(READY)  ## Format the code and fix what ruff can fix
	cd $(ROOT) && $(VENV)/bin/ruff check --fix . ; $(VENV)/bin/ruff format .

# What `sam build` reads: a target that needs the build makes it again only after a change.
SOURCES := $(shell find $(ROOT)/layers/core $(ROOT)/functions -name __pycache__ -prune -o -type f \( -name '*.py' -o -name requirements.txt -o -path '*/console/*' \) -print)
BUILT := $(ROOT)/.aws-sam/build/template.yaml
build: $(READY)  ## Build for AWS, in .aws-sam/build: one build for arm64 and x86_64
	cd $(ROOT) && $(SAM) build

$(BUILT): $(READY) $(ROOT)/template.yaml $(ROOT)/Makefile $(SOURCES)
	cd $(ROOT) && $(SAM) build
	@touch $@

# `sam local` runs the built functions in Docker containers, against the emulator of a `make run` in another terminal. The emulator knows only
# these credentials, and without any, SAM sends made-up ones.
HOST_ARCH := $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)
SAM_VARIABLES ?= $(LOCAL)/sam.json
SAM_LOCAL := env -u AWS_PROFILE -u AWS_SESSION_TOKEN AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 $(SAM) local
FUNCTION ?= IngestFunction
EVENT ?= events/ingest-batch.json
API_PORT ?= 3001
invoke: docker-engine local-variables $(BUILT)  ## Invoke one function in a container: make invoke FUNCTION=IngestFunction EVENT=events/ingest-batch.json
	cd $(ROOT) && $(SAM_LOCAL) invoke $(FUNCTION) --event $(EVENT) --env-vars $(SAM_VARIABLES) --parameter-overrides Architecture=$(HOST_ARCH)

api: docker-engine local-variables $(BUILT)  ## Serve the HTTP API from containers: make api API_PORT=3001
	cd $(ROOT) && exec $(SAM_LOCAL) start-api --port $(API_PORT) --env-vars $(SAM_VARIABLES) --parameter-overrides Architecture=$(HOST_ARCH)

.PHONY: invoke api docker-engine local-variables
docker-engine:
	@docker info >/dev/null 2>&1 || { echo "No Docker engine answers, and sam local needs one. Without Docker, make run serves the same functions at http://127.0.0.1:3000." >&2; exit 1; }

local-variables:
	@test -f $(SAM_VARIABLES) || { echo "$(SAM_VARIABLES) is missing: start make run in another terminal first; it writes this file." >&2; exit 1; }

deploy: stack-name $(BUILT)  ## Deploy to AWS with your credentials: make deploy STACK=waypost ARCH=arm64
	cd $(ROOT) && $(SAM) deploy --stack-name $(STACK) $(if $(TAGS),--tags "$(TAGS)") --parameter-overrides Architecture=$(ARCH) $(PARAMETERS)

# CloudFormation adds the logical name and 13 characters to the stack's name, and the name of a FIFO queue ends at 80 characters.
.PHONY: stack-name
stack-name:
	@test $$(printf %s '$(STACK)' | wc -c) -le 40 || { echo "The stack name '$(STACK)' has over 40 characters: the names of the FIFO queues, which contain it, would exceed SQS's 80." >&2; exit 1; }

# The first word of a file's name says which function it is for. All events of a function are one schema in EventBridge, so this is one by one.
test-events: $(READY)  ## Store events/ as test events of a stack in the Lambda console: make test-events STACK=waypost-test
	$(if $(filter file,$(origin STACK)),$(error Name the test stack: make test-events STACK=waypost-test))
	@cd $(ROOT) && for function in Ingest Match Send Manage; do for file in events/$$(echo $$function | tr A-Z a-z)-*.json; do \
	  $(SAM) remote test-event put $${function}Function --stack-name $(STACK) --name $$(basename $$file .json) --file $$file --force || exit 1; done; done

bench: $(READY)  ## Print AWS calls, billed units, prices and CPU time of usual batches
	@cd $(ROOT) && $(PYTHON) tests/bench.py

LOCK := $(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11
lock: $(READY)  ## Compile the requirements files from pyproject.toml
	cd $(ROOT) && $(LOCK) pyproject.toml --output-file layers/core/requirements.txt
	cd $(ROOT) && $(LOCK) functions/local/requirements.in --no-annotate --output-file functions/local/requirements.txt
	cd $(ROOT) && $(LOCK) .ci/lambda-runtime.in --no-annotate --output-file .ci/lambda-runtime.txt
	cd $(ROOT) && $(LOCK) pyproject.toml --group dev --constraints layers/core/requirements.txt --no-annotate --output-file requirements-dev.txt
	cd $(ROOT) && $(LOCK) --group browser --constraints requirements-dev.txt --no-annotate --output-file tests/console/requirements.txt
	cd $(ROOT) && $(LOCK) functions/local/moto-requirements.in --constraints requirements-dev.txt --no-annotate --output-file functions/local/moto-requirements.txt

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
	@rm -rf $(LOCAL)/ministack $(LOCAL)/packages && $(UV) venv --quiet --python $(PYTHON) $(LOCAL)/ministack
	@$(UV) pip sync --quiet --require-hashes --python $(LOCAL)/ministack/bin/python $(ROOT)/functions/local/requirements.txt
	@$(UV) pip install --quiet --require-hashes --no-deps --python $(PYTHON) --target $(LOCAL)/packages --requirements $(ROOT)/layers/core/requirements.txt
	@touch $@

# The server of moto has an environment of its own: it needs 60 packages that no function and no test imports. It imports a small part of
# them, so that compiling all of them takes longer than compiling what the first run imports.
$(MOTO_READY): $(ROOT)/functions/local/moto-requirements.txt | $(READY)
	@rm -rf $(LOCAL)/moto && $(UV) venv --quiet --python $(PYTHON) $(LOCAL)/moto
	@env -u UV_COMPILE_BYTECODE $(UV) pip sync --quiet --require-hashes --python $(LOCAL)/moto/bin/python $<
	@touch $@

# Beside the environment and not in it: the tests find the packages where they are installed, and all others do not need them.
$(LOCAL)/browser/.ready: $(ROOT)/tests/console/requirements.txt | $(READY)
	@rm -rf $(LOCAL)/browser
	@$(UV) pip install --quiet --require-hashes --no-deps --python $(PYTHON) --target $(LOCAL)/browser --requirements $<
	@touch $@

# ---- targets that `sam build` runs, once for each resource, with ARTIFACTS_DIR set ----
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

# One layer serves both processors: the names of the compiled files contain the processor, so the ones of x86_64 lie beside those of arm64
# (6 MB). A layer for one processor, deployed for the other, would fail at the first import in Lambda.
LAYER_PIP = env -u UV_COMPILE_BYTECODE $(UV) pip install --quiet --requirements $(ROOT)/layers/core/requirements.txt --python-version 3.13 \
  --only-binary :all: --no-deps --require-hashes
# Left out of the layer: the data of AWS services that no function calls, what python-liquid needs only for filters that templates here do
# not have (the locales of Babel, the time zones of pytz), and files of packages that no program reads. A test calls every operation from the built layer.
LAYER_SERVICES := dynamodb pinpoint-sms-voice-v2 scheduler sesv2 sqs
LAYER_UNUSED := .lock bin babel/locale-data pytz/zoneinfo boto3/data simplejson/tests aws_lambda_powertools/event_handler/openapi/swagger_ui
build-CoreLayer: $(READY)
	$(LAYER_PIP) --target "$(ARTIFACTS_DIR)/python" --python-platform aarch64-manylinux_2_28
	x86_64=$$(mktemp -d) && trap 'rm -rf "$$x86_64"' EXIT && $(LAYER_PIP) --target "$$x86_64" --python-platform x86_64-manylinux_2_28 && \
	  (cd "$$x86_64" && find . -name '*.so' -print0 | xargs -0 tar -cf -) | tar -xf - -C "$(ARTIFACTS_DIR)/python"
	cd "$(ARTIFACTS_DIR)/python" && rm -rf $(LAYER_UNUSED) && \
	  find botocore/data -mindepth 1 -maxdepth 1 -type d $(LAYER_SERVICES:%=! -name %) -exec rm -rf {} +
	tar -cf - -C $(ROOT)/layers/core --exclude __pycache__ waypost | tar -xf - -C "$(ARTIFACTS_DIR)/python"
	@$(call compile,/opt)

build-IngestFunction build-MatchFunction build-SendFunction build-ManageFunction: build-%Function:
	cp $(ROOT)/functions/$(shell echo $* | tr A-Z a-z)/*.py "$(ARTIFACTS_DIR)"
	$(if $(filter Manage,$*),cp -R $(ROOT)/functions/manage/console "$(ARTIFACTS_DIR)")
	@$(call compile,/var/task)

runtime:
	@echo "$(RUNTIME)"
