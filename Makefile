# Slabstick: see `make help`. Sources are listed in layer order; see tools/check_layers.py.
#
# What a target has built no other target changes: runs boot copies of the image, and what
# they leave goes to build/run (tests/targets.py).

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
BUILD := build
# Logs and sticks of runs.
RUN := $(BUILD)/run
VERSION := $(shell cat VERSION)
ifeq ($(origin CC),default)
CC := gcc
endif
PYTHON ?= /usr/bin/python3

# As many jobs as CPUs, unless the caller chose.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif

# What `make run` boots; empty: the runner's own choice (4 CPUs, 1 GiB, 2 nodes, q35).
export CPUS MEM NODES MACHINE OPTIONS OVMF QEMU QEMUEXTRA TIMEOUT

# One short line a step; with V=1 the commands.
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)'
endif

# All but these build or boot something: first install what is missing. Done while
# reading this file, since the paths below must be looked up afterwards.
ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
ifneq ($(shell sh tools/setup.sh >&2 || echo failed),)
$(error set-up failed, see above)
endif
endif

EFI_LDS  := $(firstword $(wildcard /usr/lib/elf_x86_64_efi.lds /usr/lib/gnuefi/elf_x86_64_efi.lds \
	/usr/lib64/gnuefi/elf_x86_64_efi.lds))
EFI_CRT0 := $(firstword $(wildcard /usr/lib/crt0-efi-x86_64.o /usr/lib/gnuefi/crt0-efi-x86_64.o \
	/usr/lib64/gnuefi/crt0-efi-x86_64.o))

# ---- Sources ---------------------------------------------------------------

# Portable core: the rooms of mm/ in the order of the data flow, their files in layer order.
TOPOLOGY_SOURCES := $(addprefix mm/topology/, \
	range.c domain.c label.c order.c movable_split.c log.c topology.c)
PAGE_SOURCES := $(addprefix mm/page/, \
	bootmem.c boot.c zone.c buddy.c buddy_told.c buddy_verify.c noted.c pageblock.c map_plan.c \
	section.c \
	movable_owner.c page.c harden.c census.c page_stack.c zonelist.c node.c machine.c \
	grow.c drain.c \
	inject.c page_free.c movable.c compact.c reclaim.c page_alloc.c page_fast.c exact.c bulk.c \
	compound.c isolate.c contig.c offline.c use.c)
SLAB_SOURCES := $(addprefix mm/slab/, \
	system.c \
	$(addprefix debug/, audit.c guarded.c report.c object.c guard.c) \
	layout.c slab.c make.c rcu.c keep.c node.c debug/debug.c \
	depot.c array.c alien.c drain.c bounds.c large.c cpu.c usage.c cache.c \
	reclaim.c kmalloc.c kfree_rcu.c mempool.c \
	$(addprefix debug/, options.c show.c verify.c))
VMALLOC_SOURCES := $(addprefix mm/vmalloc/, \
	vspace.c vm_area.c info.c vmalloc.c kvmalloc.c guard_areas.c percpu.c)
REPORT_SOURCES := $(addprefix mm/report/, verify.c ledger.c show.c numa.c records.c tables.c)
MM_SOURCES := mm/assert.c mm/live.c mm/event.c mm/grace.c mm/rcu.c \
	$(TOPOLOGY_SOURCES) $(PAGE_SOURCES) $(SLAB_SOURCES) \
	$(VMALLOC_SOURCES) mm/report/boot_log.c mm/init.c $(REPORT_SOURCES)

# Knows firmware formats; no firmware call: built and fuzzed on the host too.
EFI_PURE_SOURCES := \
	efi/status.c efi/format.c efi/log.c efi/boot_info.c \
	efi/text.c efi/options.c efi/load_options.c efi/memory_map.c \
	efi/acpi_root.c efi/acpi_madt.c efi/acpi_srat.c efi/acpi_slit.c efi/acpi_hmat.c \
	efi/acpi_spcr.c efi/acpi_fadt.c \
	efi/screen_offer.c efi/collect.c efi/records.c efi/lint.c efi/show.c \
	$(addprefix efi/screen/, font.c canvas.c column.c pane.c qr.c progress.c layout.c \
	slide.c running.c picture.c end.c screen.c) \
	efi/results.c

# Talks to firmware or drives the boot.
EFI_SOURCES := \
	efi/console.c efi/firmware_memory.c efi/firmware_tables.c efi/gop.c efi/fw_cfg.c \
	efi/capture.c efi/stick.c efi/menu.c efi/firmware.c \
	efi/shell.c efi/main.c

# Arithmetic, and page-table code on plain memory: host-built too.
ARCH_PURE_SOURCES := arch/x86_64/paging.c arch/x86_64/paging_walk.c arch/x86_64/windows.c \
	arch/x86_64/serial_line.c

# In the order of calls: each file uses those before it.
ARCH_SOURCES := \
	arch/x86_64/mem.S arch/x86_64/guarded.S arch/x86_64/ap_trampoline.S \
	arch/x86_64/cpu.c arch/x86_64/mmu.c arch/x86_64/mtrr.c arch/x86_64/mmu_ranges.c \
	arch/x86_64/ptdump.c arch/x86_64/time.c arch/x86_64/serial.c \
	arch/x86_64/keyboard.c arch/x86_64/step.c arch/x86_64/power.c \
	arch/x86_64/machine_check.c arch/x86_64/apic.c arch/x86_64/symbols.c \
	arch/x86_64/panic.c arch/x86_64/smp.c arch/x86_64/thread.c arch/x86_64/describe.c \
	arch/x86_64/trap.c arch/x86_64/trap_entry.S arch/x86_64/descriptors.c \
	arch/x86_64/mmu_boot.c arch/x86_64/kswapd.c arch/x86_64/port.c \
	arch/x86_64/smp_start.c arch/x86_64/init.c

# Same source in the image and on the host.
UNIT_SOURCES := tests/glob.c tests/ktap.c tests/suites_unit.c \
	$(wildcard $(addprefix tests/unit/, *.c */*.c */*/*.c))
# Image only.
LIVE_SOURCES := $(wildcard tests/live/*.c)
BENCH_SOURCES := $(wildcard tests/bench/*.c)
LECTURE_SOURCES := $(wildcard tests/lecture/*.c tests/shell/*.c)

# The hosted unit program and what the other hosted programs share with it.
HOST_SOURCES := tests/host/main.c tests/host/suite_local_lock.c tests/host/interrupt.c \
	tests/host/suite_interrupts.c tests/host/suite_rcu.c tests/host/stress/objects.c \
	tests/host/suite_stress.c tests/host/suite_thisnode.c tests/host/suite_twice.c \
	tests/host/suite_machines.c tests/host/suite_drain.c \
	tests/host/suite_reclaim.c tests/host/suite_compact.c tests/host/suite_maps.c \
	tests/host/suite_contig.c tests/host/suite_harden.c \
	tests/host/suite_offline.c tests/host/machine.c tests/host/port.c
REPLAY_SOURCES := tests/host/capture.c tests/host/replay.c
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
PORT_STUB_SOURCES := tests/port_stub/port.c tests/port_stub/main.c

# ---- Flags -----------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wswitch-enum -Wundef -Wvla -Werror
# prefetchw (mm/slab/array.c): CPUs of machines with UEFI do it or ignore it.
COMMON_FLAGS := -std=gnu11 -g -O2 $(WARNINGS) -Iinclude -I. -MMD -MP -fno-strict-aliasing -mprfchw
IMAGE_FLAGS := $(COMMON_FLAGS) -ffreestanding -fpic -fvisibility=hidden -fno-stack-protector \
	-fshort-wchar -fno-omit-frame-pointer -momit-leaf-frame-pointer \
	-fno-asynchronous-unwind-tables -fcf-protection=none \
	-mno-red-zone -mgeneral-regs-only -fno-jump-tables \
	-Iarch/x86_64/port -include arch/x86_64/port/all_hidden.h -DSLABSTICK_VERSION=$(VERSION) \
	-isystem /usr/include/efi -isystem /usr/include/efi/x86_64
# The same with a local lock that keeps interrupts away: what that costs is measured.
IRQSAFE_FLAGS := $(patsubst -Iarch/x86_64/port,-Iarch/x86_64/port_irqsafe,$(IMAGE_FLAGS))
HOST_FLAGS := $(COMMON_FLAGS) -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -DMM_DEBUG=1 -DHOST_FLOATING_MAPS -Itests/host/port -pthread
FUZZ_FLAGS := $(COMMON_FLAGS) -O1 -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
	-DMM_DEBUG=1 -DHOST_FLOATING_MAPS -Itests/host/port -pthread
PORT_FLAGS := -std=gnu11 -g -O2 $(WARNINGS) -Iinclude -I. -Itests/port_stub -MMD -MP \
	-fno-strict-aliasing -fno-builtin

# ---- Rules -----------------------------------------------------------------

# $(call objects,FOLDER,SOURCES): where the objects of one kind of build live.
objects = $(patsubst %,$(BUILD)/$(1)/%.o,$(2))

# What a step makes has this name until it is whole: two makes may be at work in one tree.
NEW = $@.$$$$
PUT = && mv $(NEW) $@ && rm -f $(NEW).* || { rm -f $(NEW) $(NEW).*; false; }

# $(call compile_rules,FOLDER,COMPILER,FLAGS): objects follow their sources, headers and
# flags, not the Makefile: an edit elsewhere in it rebuilds nothing.
define compile_rules
$(BUILD)/$(1)/.flags: FORCE
	@mkdir -p $$(@D)
	@echo '$(2) $(3)' | cmp -s - $$@ || echo '$(2) $(3)' >$$@

$(BUILD)/$(1)/%.c.o: %.c $(BUILD)/$(1)/.flags
	@mkdir -p $$(@D)
	$$(call say,CC,$$<$(if $(filter-out image,$(1)), [$(1)]))
	$$(Q)$(2) $(3) -MT $$@ -MF $$(@:.o=.d) -c $$< -o $$(NEW) $$(PUT)

$(BUILD)/$(1)/%.S.o: %.S $(BUILD)/$(1)/.flags
	@mkdir -p $$(@D)
	$$(call say,AS,$$<$(if $(filter-out image,$(1)), [$(1)]))
	$$(Q)$(2) $(3) -MT $$@ -MF $$(@:.o=.d) -c $$< -o $$(NEW) $$(PUT)

# Each header alone: it includes what it needs.
$(BUILD)/$(1)/%.h.ok: %.h $(BUILD)/$(1)/.flags
	@mkdir -p $$(@D)
	$$(call say,HEADER,$$<)
	$$(Q)$(2) $(filter-out -MMD -MP,$(3)) -fsyntax-only -x c $$<
	@touch $$@
endef

.PHONY: FORCE
FORCE:

# ---- Image -----------------------------------------------------------------

IMAGE_SOURCES := $(wildcard $(EFI_PURE_SOURCES) $(EFI_SOURCES) $(ARCH_PURE_SOURCES) \
	$(ARCH_SOURCES) $(MM_SOURCES) $(UNIT_SOURCES) tests/suites_live.c $(LIVE_SOURCES) \
	$(BENCH_SOURCES) $(LECTURE_SOURCES))
# Linked last: its section ends .rodata on a page boundary (see the file).
IMAGE_LAST_SOURCES := $(wildcard arch/x86_64/rodata_end.S)
IMAGE_OBJECTS := $(call objects,image,$(IMAGE_SOURCES))
IMAGE_LAST := $(call objects,image,$(IMAGE_LAST_SOURCES))
IRQSAFE_OBJECTS := $(call objects,image-irqsafe,$(IMAGE_SOURCES))
IRQSAFE_LAST := $(call objects,image-irqsafe,$(IMAGE_LAST_SOURCES))

$(eval $(call compile_rules,image,$(CC),$(IMAGE_FLAGS)))
$(eval $(call compile_rules,image-irqsafe,$(CC),$(IRQSAFE_FLAGS)))

LINK_IMAGE := ld -nostdlib -znocombreloc -shared -Bsymbolic --no-undefined \
	-T $(EFI_LDS) -L /usr/lib -L /usr/lib/gnuefi -L /usr/lib64/gnuefi $(EFI_CRT0)

# $(call image_rules,NAME,APPLICATION,OBJECTS,LAST OBJECTS): from objects to build/NAME.img.
# It is linked twice: with the names of its functions, which the first time tells (symbols.py).
define image_rules
$(BUILD)/$(1).nameless.so: $(3) $(4) tools/symbols.py
	$$(call say,LD,$$@)
	$$(Q)$(PYTHON) tools/symbols.py >$$(NEW).S && $(CC) -c $$(NEW).S -o $$(NEW).o && \
		$(LINK_IMAGE) $(3) -lefi -lgnuefi $$(NEW).o $(4) -o $$(NEW) $$(PUT)

$(BUILD)/$(1).so: $(BUILD)/$(1).nameless.so
	$$(call say,LD,$$@)
	$$(Q)$(PYTHON) tools/symbols.py $$< >$$(NEW).S && $(CC) -c $$(NEW).S -o $$(NEW).o && \
		$(LINK_IMAGE) $(3) -lefi -lgnuefi $$(NEW).o $(4) -o $$(NEW) && \
		$(PYTHON) tools/symbols.py $$(NEW) | cmp - $$(NEW).S $$(PUT)

$(BUILD)/$(1).debug: $(BUILD)/$(1).so
	$$(call say,DEBUG,$$@)
	$$(Q)objcopy --only-keep-debug $$< $$(NEW) $$(PUT)

# The sections firmware loads, before tools/finish_pe.py has seen to the header.
$(BUILD)/$(1).pe: $(BUILD)/$(1).so
	$$(call say,OBJCOPY,$$@)
	$$(Q)objcopy -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel -j .rela -j .reloc \
		--target=efi-app-x86_64 $$< $$(NEW) $$(PUT)

$(BUILD)/$(2): $(BUILD)/$(1).pe $(BUILD)/$(1).debug tools/finish_pe.py
	$$(call say,EFI,$$@)
	$$(Q)$(PYTHON) tools/finish_pe.py $$< $$@

$(BUILD)/$(1).img: $(BUILD)/$(2) tools/mkimage.sh tools/gpt.py
	$$(call say,IMG,$$@)
	$$(Q)SECTOR=512 sh tools/mkimage.sh $$< $$@

$(BUILD)/$(1)-4096.img: $(BUILD)/$(2) tools/mkimage.sh tools/gpt.py
	$$(call say,IMG,$$@)
	$$(Q)SECTOR=4096 sh tools/mkimage.sh $$< $$@
endef

$(eval $(call image_rules,slabstick,BOOTX64.EFI,$(IMAGE_OBJECTS),$(IMAGE_LAST)))
$(eval $(call image_rules,slabstick-irqsafe,BOOTX64-irqsafe.EFI,$(IRQSAFE_OBJECTS),$(IRQSAFE_LAST)))

# ---- The program that lies as firmware does ---------------------------------

LIES_SOURCES := $(wildcard tests/lies/*.c)
LIES_OBJECTS := $(call objects,image,$(LIES_SOURCES) efi/fw_cfg.c arch/x86_64/mem.S)

$(eval $(call image_rules,lies,LIES.EFI,$(LIES_OBJECTS),$(IMAGE_LAST)))

# ---- Host ------------------------------------------------------------------

UNIT_PROGRAM_SOURCES := $(wildcard $(EFI_PURE_SOURCES) $(ARCH_PURE_SOURCES) $(MM_SOURCES) \
	$(UNIT_SOURCES) $(HOST_SOURCES))
UNIT_OBJECTS := $(call objects,host/unit.o,$(UNIT_PROGRAM_SOURCES))

$(eval $(call compile_rules,host/unit.o,$(CC),$(HOST_FLAGS)))

$(BUILD)/host/unit: $(UNIT_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(HOST_FLAGS) $(UNIT_OBJECTS) -o $@

REPLAY_PROGRAM_SOURCES := $(wildcard $(EFI_PURE_SOURCES) $(MM_SOURCES) tests/host/port.c \
	$(REPLAY_SOURCES))
REPLAY_OBJECTS := $(call objects,host/unit.o,$(REPLAY_PROGRAM_SOURCES))

$(BUILD)/host/replay: $(REPLAY_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(HOST_FLAGS) $(REPLAY_OBJECTS) -o $@

# Screens of a made-up run as pictures, and QR codes of any text.
SCREENS_PROGRAM_SOURCES := $(wildcard $(EFI_PURE_SOURCES) $(MM_SOURCES) tests/host/port.c \
	tests/host/screens/main.c)
SCREENS_OBJECTS := $(call objects,host/unit.o,$(SCREENS_PROGRAM_SOURCES))

$(BUILD)/host/screens: $(SCREENS_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(HOST_FLAGS) $(SCREENS_OBJECTS) -o $@

# ---- The hosted library and what is built on it --------------------------------

# A function of forty instructions is to begin with a line: 7 % of rand-64 of make bench-host.
LIBRARY_FLAGS := $(COMMON_FLAGS) -falign-functions=64 -Itests/host/port -pthread
# Fences are not modelled (-Wtsan); only the audit log has any, and the stress keeps none.
TSAN_FLAGS := $(COMMON_FLAGS) -O1 -fsanitize=thread -Wno-tsan \
	-DHOST_FLOATING_MAPS -DHOST_CPUS_MAY_BE_SHARED=1 -Itests/host/port -pthread
LIBRARY_SOURCES := $(wildcard $(EFI_PURE_SOURCES) $(MM_SOURCES) tests/host/port.c \
	tests/host/machine.c tests/host/lib/slabstick.c)
LIBRARY_OBJECTS := $(call objects,host/library.o,$(LIBRARY_SOURCES))
LIBRARY_HEADERS := $(wildcard include/log.h include/lib/*.h include/mm/*.h)
STRESS_NAMES := slab_stress page_stress
STRESS_OBJECTS := $(foreach kind,library.o tsan.o, \
	$(call objects,host/$(kind), \
		$(addprefix tests/host/stress/,$(STRESS_NAMES:%=%.c) objects.c)))
LIBRARY_TSAN_OBJECTS := $(call objects,host/tsan.o,$(LIBRARY_SOURCES))

$(eval $(call compile_rules,host/library.o,$(CC),$(LIBRARY_FLAGS)))
$(eval $(call compile_rules,host/tsan.o,$(CC),$(TSAN_FLAGS)))

$(BUILD)/host/libslabstick.a: $(LIBRARY_OBJECTS) $(LIBRARY_HEADERS) tests/host/lib/slabstick.h
	$(call say,AR,$@)
	@rm -rf $@ $(BUILD)/host/include
	$(Q)ar rcs $@ $(LIBRARY_OBJECTS)
	@mkdir -p $(BUILD)/host/include
	$(Q)cp -r include/log.h include/lib include/mm tests/host/port/mm_port_inline.h \
		tests/host/lib/slabstick.h $(BUILD)/host/include

# Every function tells when it is entered and left: what an operation goes through.
PATH_FLAGS := $(filter-out -O2,$(LIBRARY_FLAGS)) -O1 -finstrument-functions -no-pie
PATH_OBJECTS := $(call objects,host/path.o,$(filter-out tests/host/lib/%,$(LIBRARY_SOURCES)) \
	tests/host/path/path.c)
$(eval $(call compile_rules,host/path.o,$(CC),$(PATH_FLAGS)))

$(BUILD)/host/path: $(PATH_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(PATH_FLAGS) $^ -o $@

BENCH_HOST_OBJECTS := $(call objects,host/library.o,$(addprefix tests/host/bench/, \
	bench_host.c limit.c))
FRAG_HOST_OBJECTS := $(call objects,host/library.o,tests/host/bench/frag_host.c)

$(BUILD)/host/bench_host: $(BENCH_HOST_OBJECTS) $(BUILD)/host/libslabstick.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LIBRARY_FLAGS) $^ -o $@

$(BUILD)/host/frag_host: $(FRAG_HOST_OBJECTS) $(BUILD)/host/libslabstick.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LIBRARY_FLAGS) $^ -o $@

$(BUILD)/host/slab_stress: $(BUILD)/host/library.o/tests/host/stress/objects.c.o
$(BUILD)/host/slab_stress_tsan: $(BUILD)/host/tsan.o/tests/host/stress/objects.c.o

$(addprefix $(BUILD)/host/,$(STRESS_NAMES)): $(BUILD)/host/%: \
		$(BUILD)/host/library.o/tests/host/stress/%.c.o $(BUILD)/host/libslabstick.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LIBRARY_FLAGS) $(filter %.o,$^) $(filter %.a,$^) -o $@

$(patsubst %,$(BUILD)/host/%_tsan,$(STRESS_NAMES)): $(BUILD)/host/%_tsan: \
		$(BUILD)/host/tsan.o/tests/host/stress/%.c.o $(LIBRARY_TSAN_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(TSAN_FLAGS) $^ -o $@

# ---- Fuzzers (clang's libFuzzer) --------------------------------------------

FUZZ_COMMON_SOURCES := $(wildcard $(EFI_PURE_SOURCES) $(ARCH_PURE_SOURCES) $(MM_SOURCES) \
	tests/host/port.c tests/host/capture.c)
FUZZ_COMMON_OBJECTS := $(call objects,fuzz,$(FUZZ_COMMON_SOURCES))
FUZZ_OBJECTS := $(call objects,fuzz,$(FUZZ_SOURCES))
FUZZ_PROGRAMS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SOURCES))

$(eval $(call compile_rules,fuzz,clang,$(FUZZ_FLAGS)))

$(FUZZ_PROGRAMS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.c.o $(FUZZ_COMMON_OBJECTS)
	$(call say,LD,$@)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer $^ -o $@

# ---- The portable core alone -------------------------------------------------

# Copied away from everything else, so that a forgotten arrow cannot be followed.
PORT_SOURCES := $(wildcard $(MM_SOURCES) $(PORT_STUB_SOURCES))
PORT_HEADERS := $(wildcard mm/*.h mm/*/*.h mm/*/*/*.h include/*.h include/*/*.h tests/port_stub/*.h)

$(BUILD)/port-check/program: $(PORT_SOURCES) $(PORT_HEADERS)
	@rm -rf $(BUILD)/port-check
	@mkdir -p $(BUILD)/port-check
	$(call say,CC,$@)
	$(Q)cp -r --parents $(PORT_SOURCES) $(PORT_HEADERS) $(BUILD)/port-check
	$(Q)cd $(BUILD)/port-check && $(CC) $(filter-out -MMD -MP,$(PORT_FLAGS)) $(PORT_SOURCES) \
		-o $(@F)

# ---- Checks ----------------------------------------------------------------

# Both compilers over all sources; clang also checks the lock annotations.
$(eval $(call compile_rules,check/gcc-image,gcc,$(IMAGE_FLAGS)))
$(eval $(call compile_rules,check/clang-image,clang,$(IMAGE_FLAGS) -Wthread-safety))
$(eval $(call compile_rules,check/gcc-host,gcc,$(HOST_FLAGS)))
$(eval $(call compile_rules,check/clang-host,clang,$(HOST_FLAGS) -Wthread-safety))

HOST_ALL_SOURCES := $(sort $(UNIT_PROGRAM_SOURCES) $(SCREENS_PROGRAM_SOURCES) \
	$(REPLAY_PROGRAM_SOURCES))
HEADERS := $(wildcard include/*.h include/*/*.h mm/*.h mm/*/*.h mm/*/*/*.h \
	efi/*.h efi/*/*.h arch/x86_64/*.h arch/x86_64/port*/*.h tests/*.h \
	tests/unit/*.h tests/unit/*/*.h tests/live/*.h \
	tests/bench/*.h tests/lecture/*.h tests/shell/*.h)
HEADER_CHECKS := $(patsubst %,$(BUILD)/image/%.ok,$(HEADERS))
CHECK_OBJECTS := \
	$(foreach compiler,gcc clang, \
		$(call objects,check/$(compiler)-image,$(IMAGE_SOURCES) $(IMAGE_LAST_SOURCES)) \
		$(call objects,check/$(compiler)-host,$(HOST_ALL_SOURCES)))

# ---- Targets ---------------------------------------------------------------

.PHONY: help quick image host run test targets bench bench-host fuzz mutants soak soak-host \
	report lecture debug usb sign port-check layer-check style-check rule-check call-check \
	lock-check call-path \
	models check clean
.PHONY: release release-check

help:
	@echo 'Slabstick $(VERSION): a memory manager that boots.'
	@echo
	@echo '  make run         boot a copy of the image in QEMU: 4 CPUs, 2 nodes, 1 GiB'
	@echo '  make test        everything: hosted tests, fuzzers, machines in QEMU, checks'
	@echo '  make image       build/BOOTX64.EFI and build/slabstick.img; with SECTOR=4096 also'
	@echo '                   build/slabstick-4096.img, for disks with such sectors'
	@echo '  make host        the hosted programs and build/host/libslabstick.a'
	@echo '  make bench       guest instructions of every operation against its budget'
	@echo '  make bench-host  the hosted library beside its limit and other libraries: ns'
	@echo '  make fuzz        every fuzzer for FUZZ_SECONDS (60), or FUZZ_RUNS inputs'
	@echo '  make mutants     the sources broken in small ways: do the tests notice?'
	@echo '  make soak        stress on the host and in QEMU for SOAK_SECONDS (600)'
	@echo '  make soak-host   the half of that on the host'
	@echo '  make models      every order of steps of the protocols in tests/models, by SPIN'
	@echo '  make targets     all targets in random order: none may change what another built'
	@echo '  make lecture     the lecture, slide by slide, in QEMU'
	@echo '  make debug       boot and wait for gdb on 127.0.0.1:1234'
	@echo '  make report      build/run/report.html from the last make run'
	@echo '  make release     build/release: image, application, SHA256SUMS, bill of materials'
	@echo '  make release-check   the same from a second build: equal to the byte'
	@echo '  make usb DEV=/dev/sdX   write the image that fits the sectors to a USB stick'
	@echo '  make sign KEY=db.key CERT=db.crt   sign BOOTX64.EFI for Secure Boot'
	@echo '  make port-check  mm/ and include/ alone against the smallest port'
	@echo '  make layer-check includes against the layers'
	@echo '  make rule-check  every numbered rule has a verifier and a test that breaks it'
	@echo '  make style-check what of the style can be counted'
	@echo '  make call-check  calls inside mm, arch and efi go one way'
	@echo '  make lock-check  fields are used under the locks that guard them (clang 19)'
	@echo '  make check       both compilers, headers, layers, style, locks'
	@echo '  make quick       the image and the units compile, the layers hold'
	@echo '  make call-path   files entered by each operation'
	@echo '  make clean       remove build/'
	@echo '  make help        this'
	@echo
	@echo 'variables: CPUS=4 MEM=1G NODES=2 MACHINE=(row of tests/machines.toml)'
	@echo '  OPTIONS="run=selftest,show tests=buddy.* loglevel=debug"  TIMEOUT=(seconds)'
	@echo '  OVMF=/path/to/OVMF_CODE.fd QEMU=/path/to/qemu QEMUEXTRA="more QEMU arguments"'
	@echo '  V=1 shows the commands of the build'
	@echo 'runs leave logs and sticks, with what was captured, in build/run'
	@echo 'one machine or case: tests/run.py -l; tests/run.py --machine NAME -k "buddy.*"'

# Disks have sectors of 512 bytes, few of 4,096: the partition table counts in them.
SECTOR ?= 512
ifeq ($(filter 512 4096,$(SECTOR)),)
$(error SECTOR=$(SECTOR): disks have sectors of 512 or 4096 bytes)
endif
IMAGE_FILES := $(BUILD)/BOOTX64.EFI $(BUILD)/slabstick.img
LARGE_SECTOR_IMAGE := $(BUILD)/slabstick-4096.img
HOST_FILES := $(BUILD)/host/unit $(BUILD)/host/screens $(BUILD)/host/libslabstick.a \
	$(if $(wildcard $(REPLAY_SOURCES)),$(BUILD)/host/replay)

# What every landing must pass: compiles, and the arrows between folders hold.
quick: $(IMAGE_OBJECTS) $(IMAGE_LAST) $(UNIT_OBJECTS) layer-check
	@echo 'quick: image and units compile, layers hold'

image: $(IMAGE_FILES) $(if $(filter 4096,$(SECTOR)),$(LARGE_SECTOR_IMAGE))
	@echo 'image: Slabstick $(VERSION) in $^'

host: $(HOST_FILES)
	@echo 'host: $(HOST_FILES)'

run: $(IMAGE_FILES)
	@$(PYTHON) tools/qemu.py --keep $(RUN)/run

# Not what a fast machine finds in the time: inputs that others have seen pass.
FUZZ_SMOKE_SECONDS ?= 12
FUZZ_SMOKE_RUNS ?= 200000
test: $(IMAGE_FILES) $(LARGE_SECTOR_IMAGE) $(BUILD)/slabstick-irqsafe.img $(BUILD)/lies.img \
		$(HOST_FILES) $(FUZZ_PROGRAMS) $(BUILD)/port-check/program $(HEADER_CHECKS)
	@FUZZ_SECONDS=$(FUZZ_SMOKE_SECONDS) FUZZ_RUNS=$(FUZZ_SMOKE_RUNS) FUZZ_SEED=1 \
		$(PYTHON) tests/all.py $(FUZZ_PROGRAMS)

# All is built first: what a target makes anew since a source changed is no fault of it.
targets: $(IMAGE_FILES) $(LARGE_SECTOR_IMAGE) $(HOST_FILES) $(FUZZ_PROGRAMS) \
		$(HEADER_CHECKS) $(CHECK_OBJECTS) $(BUILD)/slabstick-irqsafe.img \
		$(BUILD)/port-check/program \
		$(addprefix $(BUILD)/host/,bench_host frag_host slab_stress slab_stress_tsan path)
	@$(PYTHON) tests/targets.py --full

bench: $(IMAGE_FILES) $(BUILD)/slabstick-irqsafe.img
	@$(PYTHON) tools/bench.py --log $(RUN)/bench.log

fuzz: $(FUZZ_PROGRAMS)
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_RUNS='$(FUZZ_RUNS)' FUZZ_SEED='$(FUZZ_SEED)' \
		$(PYTHON) tests/fuzz.py $(FUZZ_PROGRAMS)

# Without the other libraries the table is narrower.
bench-host: $(BUILD)/host/bench_host $(BUILD)/host/frag_host
	-@sh tools/setup.sh --comparators
	@$(PYTHON) tools/bench_host.py $^

# Ten million operations on pages against the model, with address and undefined-behaviour
# sanitizers; as many on objects, and on pages, by 8 threads on 4 nodes. Under ThreadSanitizer
# both again: on objects allocating, destroying, shrinking, reclaiming, freeing twice, reading
# without locks, idling.
SOAK_SECONDS ?= 600
SOAK_SEED ?= $(shell date +%s)
soak-host: $(BUILD)/host/unit \
		$(foreach name,$(STRESS_NAMES),$(BUILD)/host/$(name) $(BUILD)/host/$(name)_tsan)
	$(Q)timeout 900 $(BUILD)/host/unit tests=soak seed=$(SOAK_SEED)
	$(Q)timeout 900 $(BUILD)/host/unit tests=maps_soak seed=$(SOAK_SEED)
	$(Q)timeout 600 $(BUILD)/host/slab_stress 10000000 8 4
	$(Q)timeout 600 $(BUILD)/host/page_stress 10000000 8 4
	$(Q)TSAN_OPTIONS="halt_on_error=1 suppressions=tests/host/stress/tsan.supp" timeout 3600 \
		$(BUILD)/host/slab_stress_tsan 10000000 8 4
	$(Q)TSAN_OPTIONS="halt_on_error=1 suppressions=tests/host/stress/tsan.supp" timeout 3600 \
		$(BUILD)/host/page_stress_tsan 10000000 8 4
	@echo 'soak-host: every rule held, no sanitizer complained'

# Files that a reader opens to follow each operation.
call-path: $(BUILD)/host/path
	@$(PYTHON) tools/call_path.py $<

# Every mutant of the sources that tests/mutants.toml lists, or of MUTANTS_FILES; a sample of
# MUTANTS_SAMPLE of each when that is not 0.
MUTANTS_SAMPLE ?= 0
mutants: $(BUILD)/host/unit
	@$(PYTHON) tools/mutants.py --sample $(MUTANTS_SAMPLE) $(MUTANTS_FILES)

# Without SPIN it says so.
models:
	-@sh tools/setup.sh --checkers
	@$(PYTHON) tests/models.py

soak: $(IMAGE_FILES) soak-host
	@$(PYTHON) tools/qemu.py --options "run=selftest,stress stress=$(SOAK_SECONDS) $(OPTIONS)" \
		--timeout $$(($(SOAK_SECONDS) * 2 + 300)) --keep $(RUN)/soak

lecture: $(IMAGE_FILES)
	@$(PYTHON) tools/qemu.py --options "run=lecture $(OPTIONS)" --keep $(RUN)/lecture

debug: $(IMAGE_FILES)
	@echo 'in another terminal: gdb -x tools/debug.gdb'
	@$(PYTHON) tools/qemu.py --gdb --keep $(RUN)/debug

REPORT_EXTRAS = $(foreach name,bench lecture, \
		$(addprefix --$(name) ,$(wildcard $(RUN)/$(name).log))) \
	$(addprefix --tests ,$(wildcard $(BUILD)/log/test.json))
report:
	@$(PYTHON) tools/report $(RUN)/run.log $(REPORT_EXTRAS) --json $(RUN)/report.json \
		--junit $(RUN)/report.xml --html $(RUN)/report.html

release: $(IMAGE_FILES)
	@$(PYTHON) tools/release.py $(VERSION) $(IMAGE_FILES) $(BUILD)/release

# A second build, elsewhere, has the same bytes.
release-check: release
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/again release
	@cmp $(BUILD)/release/SHA256SUMS $(BUILD)/again/release/SHA256SUMS
	@echo 'release-check: two builds made the same bytes'

usb: $(IMAGE_FILES) $(LARGE_SECTOR_IMAGE)
	@sh tools/usb.sh $(BUILD)/slabstick.img '$(DEV)'

sign: $(IMAGE_FILES)
	@sh tools/sign.sh $(BUILD)/BOOTX64.EFI $(BUILD)/slabstick-signed.img '$(KEY)' '$(CERT)'

port-check: $(BUILD)/port-check/program
	@$(BUILD)/port-check/program

# Calls inside mm, arch and efi go one way.
call-check: $(IMAGE_OBJECTS)
	@$(PYTHON) tools/check_calls.py $(BUILD)/image $(MM_SOURCES) arch/x86_64/mem.S \
		$(ARCH_PURE_SOURCES) \
		$(filter-out arch/x86_64/mem.S,$(ARCH_SOURCES)) $(EFI_PURE_SOURCES) $(EFI_SOURCES)

layer-check:
	@$(PYTHON) tools/check_layers.py

style-check:
	@$(PYTHON) tools/check_style.py

rule-check:
	@$(PYTHON) tools/check_rules.py

# Without a clang that can, it says so.
lock-check:
	-@sh tools/setup.sh --checkers
	@$(PYTHON) tools/check_locks.py '$(IMAGE_FLAGS)' $(MM_SOURCES) $(ARCH_PURE_SOURCES) \
		$(ARCH_SOURCES)

check: layer-check style-check rule-check call-check lock-check $(HEADER_CHECKS) $(CHECK_OBJECTS)
	@echo 'check: both compilers clean, each header alone; layers, calls, rules, style, locks'

clean:
	@rm -rf $(BUILD)
	@echo 'clean: $(BUILD)/ is gone'

-include $(patsubst %.o,%.d,$(IMAGE_OBJECTS) $(IMAGE_LAST) $(IRQSAFE_OBJECTS) $(IRQSAFE_LAST) \
	$(UNIT_OBJECTS) $(REPLAY_OBJECTS) $(SCREENS_OBJECTS) \
	$(FUZZ_OBJECTS) $(FUZZ_COMMON_OBJECTS) $(CHECK_OBJECTS) $(LIBRARY_OBJECTS) \
	$(PATH_OBJECTS) $(LIBRARY_TSAN_OBJECTS) $(STRESS_OBJECTS) $(BENCH_HOST_OBJECTS) \
	$(FRAG_HOST_OBJECTS))
