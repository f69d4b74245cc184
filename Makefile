# wkc: see README.md. Everything is built below build/MODE, where MODE is
#     release    -O2, what `make install` installs
#     sanitize   address and undefined-behaviour sanitizers; what the tests run by default
#     thread     thread sanitizer, for the worlds
#     fuzz       clang, with coverage for libFuzzer
# CROSS=aarch64 builds the programs that bundles for that machine carry, below build/cross-aarch64.
MODE ?= release
NATIVE := $(shell uname -m)
MACHINE := $(or $(CROSS),$(NATIVE))
OUT := $(if $(CROSS),build/cross-$(CROSS),build/$(MODE))

CC := $(if $(CROSS),$(CROSS)-linux-gnu-)gcc
STRIP := $(if $(CROSS),$(CROSS)-linux-gnu-)strip
LLVM_CONFIG := llvm-config-19
CLANG := clang-19

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
    -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wimplicit-fallthrough -Werror
# The numerics rulings: one CPU baseline, no contraction, no reassociation.
BASELINE := -march=x86-64-v3 -ffp-contract=off
ifeq ($(MODE),fuzz)
CC := $(CLANG)
WARNINGS :=
endif
ifneq ($(MACHINE),x86_64)
BASELINE := -march=armv8.2-a -ffp-contract=off
endif
OPTIMIZE_release := -O2 -g
OPTIMIZE_sanitize := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPTIMIZE_thread := -O1 -g -fsanitize=thread
OPTIMIZE_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
MODE_FLAGS := $(OPTIMIZE_$(MODE))
ifeq ($(MODE_FLAGS),)
$(error MODE is release, sanitize, thread or fuzz, not '$(MODE)')
endif
# Executors and worlds are small steps that call each other a million times: in release they are optimized
# as one program when it is linked. Their object files keep ordinary code too: ar and tests read its symbols.
ifeq ($(MODE),release)
LINK_TIME := -flto=auto -ffat-lto-objects
$(OUT)/runtime/executor/%.o $(OUT)/runtime/world/%.o: STEP_FLAGS := $(LINK_TIME)
endif
CFLAGS := -std=c17 -D_GNU_SOURCE -fPIC $(WARNINGS) $(BASELINE) $(MODE_FLAGS) -pthread
LDFLAGS := $(MODE_FLAGS) $(LINK_TIME) -pthread -rdynamic
# Small ones become part of the program: each that is loaded makes every start longer.
LIBRARIES := -lsleef -lssl -lcrypto -l:libjansson.a -l:libz.a -Wl,--exclude-libs,libjansson.a:libz.a -ldl -lm

# Modules, lowest first: each may use what stands before it. The runtime never sees the compiler.
RUNTIME_MODULES := base value graph trace executor store bundle world
COMPILER_MODULES := syntax check flow link package
modules_to_archives = $(foreach m,$(1),$(if $(wildcard $(MODULE_DIRECTORY_$(m))/*.[cly]),$(OUT)/$(m).a))
$(foreach m,$(RUNTIME_MODULES),$(eval MODULE_DIRECTORY_$(m) := runtime/$(m)))
$(foreach m,$(COMPILER_MODULES),$(eval MODULE_DIRECTORY_$(m) := compiler/$(m)))

RUNTIME_ARCHIVES := $(call modules_to_archives,$(RUNTIME_MODULES))
COMPILER_ARCHIVES := $(call modules_to_archives,$(COMPILER_MODULES))
ARCHIVES := $(COMPILER_ARCHIVES) $(RUNTIME_ARCHIVES)

.PHONY: all deps demo test check soak bench install clean format
.DELETE_ON_ERROR:
.SECONDARY:

all: $(OUT)/wkc $(OUT)/libwkc-kernel.so $(OUT)/libwkc-emulator.so $(OUT)/libwkc-deploy.so $(OUT)/include/wk.h runtime

# ---- Compiling ------------------------------------------------------------------------------------

runtime_includes := -Iruntime
compiler_includes := -Iruntime -Icompiler -I$(OUT)/compiler

$(OUT)/runtime/%.o: runtime/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(STEP_FLAGS) $(runtime_includes) -MMD -MP -c $< -o $@

# The scripts that Redis runs, as strings of C, without their comments.
REDIS_SCRIPTS := $(wildcard runtime/store/redis_*.lua)
$(OUT)/runtime/store/redis_scripts.inc: $(REDIS_SCRIPTS)
	@mkdir -p $(@D)
	for script in $^; do echo "static const char $$(basename $$script .lua)_lua[] ="; \
	    sed '/^ *--/d; /^$$/d; s/[\\"]/\\&/g; s/.*/    "&\\n"/' $$script; echo ';'; done >$@
$(OUT)/runtime/store/redis_command.o: runtime_includes += -I$(OUT)
$(OUT)/runtime/store/redis_command.o: $(OUT)/runtime/store/redis_scripts.inc

# The code generator alone sees LLVM; it is loaded when there is something to compile. Its names are its
# own (hidden), so that none of the program's stands in for one of them.
$(OUT)/compiler/kernel/%.o: compiler/kernel/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fvisibility=hidden $(compiler_includes) $(shell $(LLVM_CONFIG) --cflags | sed 's/-std=[^ ]*//; s/-I/-isystem /g') -MMD -MP -c $< -o $@

# So is the emulator of Lambda, for its HTTP library.
$(OUT)/compiler/emulator/%.o: compiler/emulator/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fvisibility=hidden $(compiler_includes) -MMD -MP -c $< -o $@

$(OUT)/compiler/%.o: compiler/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(compiler_includes) -MMD -MP -c $< -o $@

# Generated scanners and parsers: their own code is not held to our warnings.
$(OUT)/compiler/syntax/lexer.c: compiler/syntax/lexer.l
	@mkdir -p $(@D)
	flex -o $@ $<
$(OUT)/compiler/syntax/parser.c $(OUT)/compiler/syntax/parser.h &: compiler/syntax/parser.y
	@mkdir -p $(@D)
	bison -Werror -o $(OUT)/compiler/syntax/parser.c --header=$(OUT)/compiler/syntax/parser.h $<
GENERATED_FLAGS := -Wno-conversion -Wno-sign-conversion -Wno-missing-prototypes -Wno-shadow -Wno-cast-qual -Wno-unused-function -Wno-implicit-fallthrough
$(OUT)/compiler/syntax/lexer.o: $(OUT)/compiler/syntax/lexer.c $(OUT)/compiler/syntax/parser.h
	$(CC) $(CFLAGS) $(GENERATED_FLAGS) $(compiler_includes) -Icompiler/syntax -MMD -MP -c $< -o $@
$(OUT)/compiler/syntax/parser.o: $(OUT)/compiler/syntax/parser.c
	$(CC) $(CFLAGS) $(GENERATED_FLAGS) $(compiler_includes) -Icompiler/syntax -MMD -MP -c $< -o $@
$(patsubst compiler/%.c,$(OUT)/compiler/%.o,$(wildcard compiler/syntax/*.c)): | $(if $(wildcard compiler/syntax/parser.y),$(OUT)/compiler/syntax/parser.h)

define archive_rule
$(OUT)/$(1).a: $(patsubst %.c,$(OUT)/%.o,$(wildcard $(2)/*.c)) $(patsubst %.l,$(OUT)/%.o,$(wildcard $(2)/*.l)) $(patsubst %.y,$(OUT)/%.o,$(wildcard $(2)/*.y))
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach m,$(RUNTIME_MODULES) $(COMPILER_MODULES),$(eval $(call archive_rule,$(m),$(MODULE_DIRECTORY_$(m)))))

MAIN_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(wildcard compiler/*.c compiler/command/*.c))
$(OUT)/wkc: $(MAIN_OBJECTS) $(ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $(MAIN_OBJECTS) -Wl,--whole-archive $(ARCHIVES) -Wl,--no-whole-archive $(LIBRARIES)

# The same with mistakes in its passes and in elaboration, of which tests choose one: compiler/flow/mutant.h,
# runtime/graph/mutant.h.
MUTANT_OBJECTS := $(patsubst %.c,$(OUT)/mutants/%.o,$(wildcard compiler/flow/*.c runtime/graph/*.c))
$(OUT)/mutants/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -DWKC_MUTANTS $(compiler_includes) -MMD -MP -c $< -o $@
$(OUT)/wkc-mutants: $(MAIN_OBJECTS) $(MUTANT_OBJECTS) $(ARCHIVES) $(OUT)/libwkc-kernel.so
	$(CC) $(LDFLAGS) -o $@ $(MAIN_OBJECTS) $(MUTANT_OBJECTS) -Wl,--whole-archive $(filter-out $(OUT)/flow.a $(OUT)/graph.a,$(ARCHIVES)) -Wl,--no-whole-archive $(LIBRARIES)

KERNEL_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(wildcard compiler/kernel/*.c))
# What C files of tasks include; it stands as it will be installed.
$(OUT)/include/wk.h: runtime/wk.h
	@mkdir -p $(@D)
	cp $< $@

$(OUT)/libwkc-kernel.so: $(KERNEL_OBJECTS)
	$(CC) $(MODE_FLAGS) -shared -o $@ $^ $(shell $(LLVM_CONFIG) --ldflags --libs)

EMULATOR_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(wildcard compiler/emulator/*.c))
$(OUT)/libwkc-emulator.so: $(EMULATOR_OBJECTS)
	$(CC) $(MODE_FLAGS) -shared -o $@ $^ -lmicrohttpd -lzip -ljansson -lcrypto

# And the client of Lambda's API, for its own.
DEPLOY_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(wildcard compiler/deploy/*.c) runtime/lambda/invoke.c)
$(OUT)/libwkc-deploy.so: $(DEPLOY_OBJECTS)
	$(CC) $(MODE_FLAGS) -shared -o $@ $^ -lcurl -ljansson -lcrypto

# ---- The runtime of bundles, for each target: OUT/TARGET/runtime.zip and linear-algebra.zip ----------------

# What bundles carry: the starter, the executor and their libraries (compiler/package/runtime_package.h). `make
# arm64` adds those for that machine to this build; it needs the packages of `make deps-arm64`.
PACK_LEVEL_release := 6
PACK_LEVEL := $(or $(PACK_LEVEL_$(MODE)),1)

$(OUT)/bootstrap: runtime/lambda/start.c
	@mkdir -p $(@D)
	$(CC) -std=c17 $(filter-out -Wpedantic,$(WARNINGS)) -Os -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables \
	    -fno-tree-loop-distribute-patterns -fno-pie -static -nostdlib -s -Wl,--build-id=none -Wl,-z,noseparate-code -o $@ $<
EXECUTOR_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(filter-out %/start.c,$(wildcard runtime/lambda/*.c)))
$(OUT)/executor: $(EXECUTOR_OBJECTS) $(RUNTIME_ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $(EXECUTOR_OBJECTS) -Wl,--whole-archive $(RUNTIME_ARCHIVES) -Wl,--no-whole-archive -lcurl $(LIBRARIES)
$(OUT)/executor.stripped: $(OUT)/executor
	$(STRIP) -o $@ $<

PACKAGE_TOOL := $(OUT)/package-runtime
$(PACKAGE_TOOL): $(OUT)/compiler/package/tool/package_runtime.o $(ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBRARIES)

# The runtime of target $(1), whose programs stand in the folder $(2).
PACKAGE_SOURCES := $(wildcard compiler/package/*.c compiler/package/tool/*.c) runtime/wk.h runtime/base/version.h
define runtime_rule
$(OUT)/$(1)/runtime.zip: $(2)/bootstrap $(2)/executor.stripped $(PACKAGE_SOURCES) | $(PACKAGE_TOOL)
	@mkdir -p $$(@D)
	$(PACKAGE_TOOL) $(PACK_LEVEL) $(1) $(2)/bootstrap $(2)/executor.stripped $$@
$(OUT)/$(1)/linear-algebra.zip: $(PACKAGE_SOURCES) | $(2)/bootstrap $(2)/executor.stripped $(PACKAGE_TOOL)
	@mkdir -p $$(@D)
	$(PACKAGE_TOOL) $(PACK_LEVEL) $(1) $(2)/bootstrap $(2)/executor.stripped $$@ /usr/lib/$(1)-linux-gnu/openblas-pthread/libopenblas.so.0
endef
$(eval $(call runtime_rule,$(NATIVE),$(OUT)))
ifneq ($(NATIVE),aarch64)
$(eval $(call runtime_rule,aarch64,build/cross-aarch64))
endif

.PHONY: runtime arm64
runtime: $(OUT)/$(NATIVE)/runtime.zip $(OUT)/$(NATIVE)/linear-algebra.zip
arm64:
	$(MAKE) MODE=release CROSS=aarch64 build/cross-aarch64/bootstrap build/cross-aarch64/executor.stripped
	$(MAKE) $(OUT)/aarch64/runtime.zip $(OUT)/aarch64/linear-algebra.zip

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)

# ---- Unit tests: tests/unit/MODULE_name.c links MODULE and what stands below it -----------------------

UNIT_TESTS := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(wildcard tests/unit/*_*.c))
upto = $(if $(filter $(1),$(RUNTIME_MODULES)),$(call take,$(1),$(RUNTIME_MODULES)),$(RUNTIME_MODULES) $(call take,$(1),$(COMPILER_MODULES)))
take = $(if $(2),$(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call take,$(1),$(wordlist 2,99,$(2)))))
reverse = $(if $(1),$(call reverse,$(wordlist 2,99,$(1))) $(firstword $(1)))
# Tests of kernels load the code generator, which takes what it uses from the whole program.
define unit_rule
$(OUT)/unit/$(1): tests/unit/$(1).c $(wildcard tests/unit/*.h) $(call modules_to_archives,$(call upto,$(firstword $(subst _, ,$(1))))) $(if $(filter kernel link,$(firstword $(subst _, ,$(1)))),$(OUT)/libwkc-kernel.so)
	@mkdir -p $(OUT)/unit
	$(CC) $(CFLAGS) $(compiler_includes) -Itests/unit $(LDFLAGS) -o $$@ $$< -Wl,$(if $(filter kernel link,$(firstword $(subst _, ,$(1)))),--whole-archive,--start-group) $(call modules_to_archives,$(call upto,$(firstword $(subst _, ,$(1))))) -Wl,$(if $(filter kernel link,$(firstword $(subst _, ,$(1)))),--no-whole-archive,--end-group) $(LIBRARIES)
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_*.c)),$(eval $(call unit_rule,$(t))))

.PHONY: unit unit_programs thread_programs
unit_programs: $(UNIT_TESTS)
thread_programs: $(filter $(OUT)/unit/world_%,$(UNIT_TESTS))
unit: $(UNIT_TESTS)
	@failed=0; for t in $(UNIT_TESTS); do $$t || failed=1; done; exit $$failed

# ---- Dependencies: Debian packages --------------------------------------------------------------------

BUILD_PACKAGES := gcc make flex bison llvm-19-dev lld-19 libsleef-dev libjansson-dev libssl-dev zlib1g-dev graphviz libopenblas0-pthread libmicrohttpd-dev libzip-dev libcurl4-openssl-dev
TEST_PACKAGES := python3 python3-numpy python3-boto3 awscli clang-19 libclang-rt-19-dev gdb valgrind redis-server openssl autoconf automake libtool cmake spin
BENCH_PACKAGES := nginx-light g++ libtbb-dev robin-map-dev

ARM64_PACKAGES := gcc-aarch64-linux-gnu qemu-user libc6-dev:arm64 libsleef-dev:arm64 libjansson-dev:arm64 libssl-dev:arm64 zlib1g-dev:arm64 libcurl4-openssl-dev:arm64 libopenblas0-pthread:arm64

define install_packages
	@missing=; for p in $(1); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -z "$$missing" ]; then echo "all packages are installed"; exit 0; fi; \
	echo "installing$$missing"; sudo=; [ $$(id -u) = 0 ] || sudo=sudo; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $$missing >build-deps.log 2>&1 \
	    || { tail -20 build-deps.log; echo "could not install$$missing"; exit 1; }; rm -f build-deps.log
endef

.PHONY: deps-arm64
deps:
	$(call install_packages,$(BUILD_PACKAGES) $(TEST_PACKAGES) $(BENCH_PACKAGES))
deps-arm64:
	@dpkg --print-foreign-architectures | grep -qx arm64 || { sudo=; [ $$(id -u) = 0 ] || sudo=sudo; $$sudo dpkg --add-architecture arm64; }
	$(call install_packages,$(ARM64_PACKAGES))

# Anything that is built asks for the packages first, once a change of this list.
build/packages: Makefile
	@mkdir -p build
	@$(MAKE) --no-print-directory deps
	@touch $@
ifeq ($(filter deps deps-arm64 clean,$(MAKECMDGOALS)),)
-include build/packages.mk
build/packages.mk: build/packages
	@echo '# the packages are there' >$@
endif

# ---- What people type -----------------------------------------------------------------------------

demo: all
	@tests/demo.sh $(OUT)

test:
	@tests/test.sh

check:
	@tests/check.sh

bench: all
	@tests/bench/run.py $(NAME)

PREFIX ?= /usr/local
install: all
	install -D -m 755 $(OUT)/wkc $(DESTDIR)$(PREFIX)/bin/wkc
	install -D -m 755 $(OUT)/libwkc-kernel.so $(DESTDIR)$(PREFIX)/lib/wkc/libwkc-kernel.so
	install -D -m 755 $(OUT)/libwkc-emulator.so $(DESTDIR)$(PREFIX)/lib/wkc/libwkc-emulator.so
	install -D -m 755 $(OUT)/libwkc-deploy.so $(DESTDIR)$(PREFIX)/lib/wkc/libwkc-deploy.so
	for target in $(NATIVE) $(if $(wildcard $(OUT)/aarch64),aarch64); do \
	    install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/wkc/$$target $(OUT)/$$target/*.zip || exit 1; done
	install -D -m 644 runtime/wk.h $(DESTDIR)$(PREFIX)/include/wk.h
	install -d $(DESTDIR)$(PREFIX)/share/wkc/examples/data $(DESTDIR)$(PREFIX)/share/wkc/stdlib
	install -m 644 stdlib/* $(DESTDIR)$(PREFIX)/share/wkc/stdlib
	install -m 644 examples/*.wk $(DESTDIR)$(PREFIX)/share/wkc/examples
	install -m 644 examples/data/* $(DESTDIR)$(PREFIX)/share/wkc/examples/data

# ---- Fuzzing: tests/fuzz/NAME.c with its kept corpus in tests/fuzz/corpus/NAME and what seeds makes ------------------------------

FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
build/fuzz/fuzzers/%: tests/fuzz/%.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fsanitize=fuzzer $(compiler_includes) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBRARIES)
build/fuzz/seeds: tests/fuzz/seeds/seeds.c $(ARCHIVES)
	$(CC) $(CFLAGS) $(compiler_includes) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBRARIES)
.PHONY: fuzzers
fuzzers: $(FUZZERS:%=build/fuzz/fuzzers/%) build/fuzz/seeds

# ---- Benchmarks: tests/bench/NAME.c; peers of kernels are compiled by clang with our baseline ---------------

$(OUT)/bench/%_peer.o: tests/bench/%_peer.c
	@mkdir -p $(@D)
	$(CLANG) -O3 $(BASELINE) -c $< -o $@
$(OUT)/bench/kernels: tests/bench/kernels.c $(OUT)/bench/kernels_peer.o $(ARCHIVES) | $(OUT)/libwkc-kernel.so
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(compiler_includes) $(LDFLAGS) -o $@ $< $(OUT)/bench/kernels_peer.o -Wl,--whole-archive $(ARCHIVES) -Wl,--no-whole-archive $(LIBRARIES)

format:
	clang-format-19 -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build

# ---- Hours of chance: make soak SECONDS=3600 -----------------------------------------------------------

SECONDS ?= 3600
$(OUT)/soak/%: tests/soak/%.c $(wildcard tests/unit/*.h) $(RUNTIME_ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Iruntime -Itests/unit $(LDFLAGS) -o $@ $< -Wl,--start-group $(RUNTIME_ARCHIVES) -Wl,--end-group $(LIBRARIES)
soak:
	@tests/soak.sh $(SECONDS)

# ---- Benchmarks of the runtime against peers: release only --------------------------------------------

bench_flags := -O2 -g $(BASELINE) -Iruntime -Itests/bench -pthread

build/release/bench/requests build/release/bench/empty_function: build/release/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE -Wall -Wextra -O2 -static -o $@ $<
build/release/bench/%.o: tests/bench/%.c tests/bench/graphs.h tests/bench/peers.h
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE -Wall -Wextra $(bench_flags) -fopenmp -c $< -o $@
build/release/bench/%.o: tests/bench/%.cpp tests/bench/peers.h
	@mkdir -p $(@D)
	g++ -std=c++17 -Wall -Wextra $(bench_flags) -c $< -o $@
build/release/bench/local: $(patsubst %,build/release/bench/%.o,local local_openmp local_tbb) $(RUNTIME_ARCHIVES)
	g++ -O2 $(LINK_TIME) -fopenmp -pthread -o $@ $(filter %.o,$^) -Wl,--start-group $(RUNTIME_ARCHIVES) -Wl,--end-group -ltbb $(LIBRARIES)
build/release/bench/map.o build/release/bench/map_peer.o: tests/bench/map.h
build/release/bench/map: build/release/bench/map.o build/release/bench/map_peer.o $(RUNTIME_ARCHIVES)
	g++ -O2 -pthread -o $@ $(filter %.o,$^) -Wl,--start-group $(RUNTIME_ARCHIVES) -Wl,--end-group $(LIBRARIES)
build/release/bench/fuse_peer build/release/bench/joined_peer: build/release/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(CLANG) -std=c17 -D_GNU_SOURCE -Wall -Wextra -O3 -fno-math-errno $(BASELINE) -pthread -o $@ $< -lm
build/release/bench/chunk_peer: tests/bench/chunk_peer.c
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE -Wall -Wextra -O3 -ffp-contract=off $(BASELINE) -fopenmp -o $@ $<
build/release/bench/words_peer: tests/bench/words_peer.c
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE -Wall -Wextra -O3 $(BASELINE) -fopenmp -o $@ $<
build/release/bench/store: tests/bench/store.c $(RUNTIME_ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Iruntime $(LDFLAGS) -o $@ $< -Wl,--start-group $(RUNTIME_ARCHIVES) -Wl,--end-group $(LIBRARIES)
build/release/bench/elaborate: tests/bench/elaborate.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(compiler_includes) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBRARIES)
build/release/bench/planning: tests/bench/planning.c tests/unit/shapes.h $(RUNTIME_ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Iruntime $(LDFLAGS) -o $@ $< -Wl,--start-group $(RUNTIME_ARCHIVES) -Wl,--end-group $(LIBRARIES)
build/release/bench/elaborate_tbb: build/release/bench/elaborate_tbb.o
	g++ -pthread -o $@ $< -ltbb
