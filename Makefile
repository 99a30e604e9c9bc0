# Two commands for a newcomer: `make read` and `make test`. For a contributor: `make check`, and `make format` before it.
PYTHON ?= python3
SAMPLE ?= models/zoo/samples/meter.jpg
READ := .venv
DEV := .venv-dev
OLDEST := .venv-oldest
# Outside Linux x86-64, or where this index is out of reach, pip takes what its other indexes have.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# What is imported is compiled then: much of it never is.
PIP_INSTALL := -m pip install -qq --no-compile --disable-pip-version-check
SHIPPED := $(shell find runtime models -name '*.py' -o -path '*/zoo/*' -type f)

.PHONY: read test nightly archives timed oldest check lint types format bench bench-published growth soak troubles card debian clean

read: $(READ)/.installed  ## Read the sample photo with the shipped models; installs the runtime only, no PyTorch
	@$(READ)/bin/edgereader read $(SAMPLE) --save build/read
	@echo "annotated picture: build/read/$(notdir $(SAMPLE))"

# Each worker has one thread; the one with brokers and browsers mostly waits, so that two cores take three.
WORKERS ?= 3
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTEST = $(ONE_THREAD) $(DEV)/bin/python -m pytest -n $(WORKERS) --dist loadgroup

# Hypothesis draws the same examples on every machine here, others elsewhere and at night.
test: $(DEV)/.installed  ## Run the tests, but those of `make nightly`, `make timed` and `make soak`
	$(PYTEST) --hypothesis-profile ci

nightly: $(DEV)/.installed oldest  ## Run what takes long, and the geometry and reading with the oldest versions
	$(PYTEST) -m "slow and not timed and not soak"

archives: $(DEV)/.installed  ## Tests of `edgereader read --ray`, for which it installs Ray and a stand-in of S3 (800 MB, minutes)
	$(DEV)/bin/python $(PIP_INSTALL) -c constraints.txt --editable '.[ray]' 'moto[server]==5.*'
	$(PYTEST) -m "" tests/runtime/archives tests/test_examples.py::test_ray_reads_the_samples

timed: $(DEV)/.installed  ## Tests that hold milliseconds against a limit, for a quiet machine
	$(DEV)/bin/python -m pytest -m timed -s

GEOMETRY := $(patsubst %,geometry/test_%.py,canvases crops drawing heatmaps images lines quads rotation) test_detector.py test_recognizer.py test_reader.py
OLDEST_PYTHON ?= $(shell for python in python3.10 python3.11; do $$python -c "" 2>/dev/null && echo $$python && exit; done; echo $(PYTHON))

oldest: $(OLDEST)/.installed build/site/edgereader  ## Geometry and reading with the lowest versions that pyproject.toml allows
	PYTHONPATH=build/site $(OLDEST)/bin/python -m pytest $(GEOMETRY:%=tests/runtime/%)

check: lint types test  ## What CI runs

lint: $(DEV)/.installed
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .

types: $(DEV)/.installed build/site/edgereader
	$(DEV)/bin/mypy -p edgereader.runtime -p edgereader.models -p edgereader.export -p edgereader.benchmarks

format: $(DEV)/.installed
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

PHOTOS ?= $(wildcard $(addprefix ../shared/data/scenes_,bibs gaspump icdar2015))
BENCH = $(DEV)/bin/edgereader bench $(PHOTOS:%=--photos %) --limit 6
PEERS := rapidocr tesseract tesseract-sweep easyocr onnxtr

bench: $(DEV)/.installed build/wide/bundle.json  ## Measure EdgeReader beside others; without PHOTOS="FOLDER..." on the samples
	@command -v tesseract >/dev/null || echo "without Tesseract: apt install tesseract-ocr"
	$(BENCH) --contender nothing --contender edgereader $(PEERS:%=--contender %) --precision int8 --precision fp32 \
		--turns 2 --seconds 13 --first-pass 15 --json benchmarks/results/bench.json
	$(BENCH) build/wide --contender edgereader --contender pytorch --precision fp32 --precision int8 \
		--turns 2 --seconds 10 --first-pass 8 --cold-starts 1 --json benchmarks/results/bench-wide.json
	$(BENCH) --precision int8 --threads 1 --streams 1 --streams 2 --scenario MultiStream --scenario Offline \
		--turns 3 --seconds 3 --cold-starts 0 --json benchmarks/results/bench-streams.json
	$(DEV)/bin/edgereader bench readme
	$(DEV)/bin/edgereader bench report $(addprefix benchmarks/results/,bench.json growth.json soak.json stream.json) --to build/bench

bench-published: build/craft-english/bundle.json  ## Measure EasyOCR's published networks, in fp32 and int8, beside EasyOCR
	$(DEV)/bin/edgereader bench $(<D) $(PHOTOS:%=--photos %) --limit 2 --contender edgereader --contender easyocr \
		--precision fp32 --precision int8 --canvas 640 --threads 1 --turns 3 --seconds 40 --first-pass 1 --cold-starts 1 \
		--json benchmarks/results/bench-published.json
	$(DEV)/bin/edgereader bench agree $(<D) $(PHOTOS:%=--photos %) --limit 6 --canvas 640 \
		--json benchmarks/results/agreement.json
	$(DEV)/bin/edgereader bench readme

build/craft-english/bundle.json: $(DEV)/.installed
	$(DEV)/bin/python $(PIP_INSTALL) -c constraints.txt --editable '.[easyocr]'
	$(DEV)/bin/edgereader export published --to $(@D)
	$(DEV)/bin/edgereader quantize $(@D) --calibration ../shared/data/scenes_bibs

growth: $(DEV)/.installed  ## Measure what grows with a photo's size, its regions and a batch
	$(DEV)/bin/edgereader bench growth --json benchmarks/results/growth.json
	$(DEV)/bin/edgereader bench readme

soak: $(DEV)/.installed  ## Streams for minutes: a broker that is away, memory over half an hour
	$(DEV)/bin/python -m pytest -m soak -s
	$(DEV)/bin/edgereader bench stream --minutes 30 --json benchmarks/results/stream.json
	$(DEV)/bin/edgereader bench readme

# FOLDER: an empty one on a small disk, such as a tmpfs of 64 MB, which is then filled in earnest.
MINUTES ?= 60
troubles: $(DEV)/.installed  ## A stream among hostile clients, a broker that flaps, a full disk and a clock that jumps
	$(DEV)/bin/python -m tests.hostile.troubles --minutes $(MINUTES) $(FOLDER:%=--folder %) \
		--json benchmarks/results/troubles.json
	$(DEV)/bin/edgereader bench readme

build/wide/bundle.json: $(DEV)/.installed
	$(DEV)/bin/python -m edgereader.benchmarks.wide --to $(@D)

RESULTS := benchmarks/results/digits-edge.json
CALIBRATION := $(wildcard benchmarks/results/digits-edge-calibration.json)

card: $(DEV)/.installed  ## Write the model card and the results in docs/benchmarks.md from the measured figures
	$(DEV)/bin/edgereader card digits-edge --results $(RESULTS) $(CALIBRATION:%=--calibration %) --readme docs/benchmarks.md

# What the tests use of the system: fonts, OCR and a browser to compare and look with, a broker, a camera's server.
DEBIAN := fonts-dejavu-core fonts-dseg tesseract-ocr chromium mosquitto openssl python3-gi gir1.2-gst-rtsp-server-1.0 \
	gstreamer1.0-plugins-base gstreamer1.0-plugins-good

debian:  ## Install what the tests use of the system (Debian, as root)
	@dpkg -s $(DEBIAN) >/dev/null 2>&1 \
	|| { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(DEBIAN); }

$(READ)/.installed: pyproject.toml $(SHIPPED)
	@echo "installing the runtime into $(READ) (about 100 MB to download)"
	@test -x $(READ)/bin/python || $(PYTHON) -m venv $(READ)
	@rm -rf build/lib build/bdist.*
	@$(READ)/bin/python $(PIP_INSTALL) '.[cpu]'
	@touch $@

# Triton's server for the tests, apart: the package it comes in wants an older NumPy, which the server does not need.
TRITON := 'nvidia-pytriton==0.7.0; platform_machine == "x86_64"'

# torch comes first and alone, from the index of CPU wheels; the constraint then holds it in place for everything else.
$(DEV)/.installed: pyproject.toml constraints.txt
	@echo "installing PyTorch for CPUs and the tools into $(DEV) (about 400 MB to download)"
	@test -x $(DEV)/bin/python || $(PYTHON) -m venv $(DEV)
	@$(DEV)/bin/python $(PIP_INSTALL) --retries 0 --no-deps --extra-index-url $(TORCH_INDEX) -c constraints.txt torch
	@$(DEV)/bin/python $(PIP_INSTALL) -c constraints.txt --editable '.[cpu,stream,export,train,bench,peers,dev]'
	@$(DEV)/bin/python $(PIP_INSTALL) --no-deps --upgrade --target $(DEV)/tritonserver $(TRITON)
	@touch $@

# uv knows the lowest versions; what the tests need besides is as new as these allow.
$(OLDEST)/.installed: pyproject.toml
	@echo "installing the lowest versions of the runtime into $(OLDEST) (about 100 MB to download)"
	@test -x $(OLDEST)/bin/python || $(OLDEST_PYTHON) -m venv $(OLDEST)
	@$(OLDEST)/bin/python $(PIP_INSTALL) uv
	@cd $(OLDEST) && bin/uv pip compile -q --resolution lowest-direct --extra cpu ../pyproject.toml -o lowest.txt
	@$(OLDEST)/bin/python $(PIP_INSTALL) -r $(OLDEST)/lowest.txt hypothesis onnx pillow psutil 'pytest>=8.2'
	@touch $@

# mypy does not follow editable installs of a namespace package; it follows this link.
build/site/edgereader:
	mkdir -p build/site
	ln -sfn ../.. $@

clean:
	rm -rf $(READ) $(DEV) $(OLDEST) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
