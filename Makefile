# A thin front for the people who type `make`; the build itself is CMake (CMakePresets.json).
.POSIX:
MINUTES = 5
.PHONY: help build demo test quick bench sim kill soak fuzz fmt lint clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

build: ## the shipped programs, in build/release
	@tools/setup.sh demo
	@tools/build.sh release

demo: build ## install what is missing, build, and bill the sample firm's October
	@tools/demo.sh

test: ## install what is missing, build with sanitizers, run every test
	@tools/setup.sh test
	@tools/test.sh full

quick: ## style, unit tests and Lua specs only
	@tools/test.sh quick

bench: ## effects, starts, latency, memory, as ratios to what PostgreSQL can do; PEERS=1: and peers
	@tools/setup.sh bench
	@tools/build.sh release
	@bench/run
	@bench/month

SEEDS = 1000
sim: ## simulated months under faults, with SEEDS=1000 seeds that nobody has played
	@tools/build.sh dev sim
	@BW_SOURCE_DIR=. BW_SIM_FROM=fresh BW_SIM_SEEDS=$(SEEDS) build/dev/tests/sim/sim

kill: ## every fault point of the engine with every fault, against a real PostgreSQL
	@tools/build.sh dev
	@ctest --test-dir build/dev -L kill --output-on-failure

soak: ## load with faults for MINUTES (5): memory, descriptors and tables stay flat; also build/soak.json
	@tools/setup.sh test
	@tools/build.sh release
	@python3 tests/soak/soak.py build/release --minutes $(MINUTES) --json build/soak.json

fuzz: ## twenty seconds of fuzzing for each decoder
	@tools/setup.sh fuzz
	@tools/build.sh fuzz
	@ctest --test-dir build/fuzz -L fuzz --output-on-failure

fmt: ## format the C sources
	@tools/setup.sh test
	@git ls-files -co --exclude-standard 'engine/*.[ch]' 'tests/*.[ch]' 'bench/*.[ch]' | xargs clang-format -i

lint: ## style and static checks only
	@tools/build.sh dev
	@ctest --test-dir build/dev -L tidy --output-on-failure

clean: ## removes what was built; keeps fetched sources and the demo's database
	@rm -rf build
