# Everything here needs only npm and make: `node` itself comes with the packages.
.DEFAULT_GOAL := help
.PHONY: help install demo test test-engine test-load check bench build-slim build-fat run-slim run-fat

INSTALLED := node_modules/.package-lock.json
CLI := npm run --silent cli --
IMAGE := hf-$(SHORT)
TOKEN := $(or $(HF_TOKEN),$(HUGGING_FACE_HUB_TOKEN))
export HF_TOKEN := $(TOKEN)
ifeq ($(HF_TOKEN),)
unexport HF_TOKEN
endif

help:
	@echo 'make demo [DEMO_REPORT=FILE] [LIVE=1]        play the whole story between stand-ins (LIVE: the real Hub)'
	@echo 'make test | check | bench                    run the tests | all checks | the benchmarks'
	@echo 'make build-slim MODEL=owner/name SHORT=name  build a slim image for the local engine, or as an OCI layout'
	@echo 'make build-fat  MODEL=owner/name SHORT=name  the same with the weights inside'
	@echo 'make run-slim   SHORT=name [HF_TOKEN=…]      run it: port 8000, weights kept in ./models'
	@echo 'make run-fat    SHORT=name'

install: $(INSTALLED)

$(INSTALLED): package.json package-lock.json
	npm ci --no-fund --no-audit
	@touch $@

demo: $(INSTALLED)
	$(CLI) demo $(if $(DEMO_REPORT),--report '$(abspath $(DEMO_REPORT))') $(if $(LIVE),--live)

test: $(INSTALLED)
	npm test

test-engine: $(INSTALLED)
	npm run test:engine

test-load: $(INSTALLED)
	npm run test:load

check: $(INSTALLED)
	npm run check

bench: $(INSTALLED)
	npm run bench

build-slim build-fat: build-%: named $(INSTALLED)
	$(CLI) build '$(SHORT)' --id '$(MODEL)' --variant $* --to local

run-slim: short
	docker run --rm -p 8000:8000 -v "$(CURDIR)/models:/models" $(if $(TOKEN),-e HF_TOKEN) '$(IMAGE):slim'

run-fat: short
	docker run --rm -p 8000:8000 '$(IMAGE):fat'

.PHONY: named short
named: short
	@test -n '$(MODEL)' || { echo 'name the model: MODEL=owner/name SHORT=name' >&2; exit 2; }
short:
	@test -n '$(SHORT)' || { echo 'name the image: SHORT=name' >&2; exit 2; }
