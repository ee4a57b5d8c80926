# Slabstick: see `make help`. Sources are listed in layer order; see tools/check_layers.py.

.DEFAULT_GOAL := help
BUILD := build
CC ?= gcc

EFI_LDS  := $(firstword $(wildcard /usr/lib/elf_x86_64_efi.lds /usr/lib/gnuefi/elf_x86_64_efi.lds))
EFI_CRT0 := $(firstword $(wildcard /usr/lib/crt0-efi-x86_64.o /usr/lib/gnuefi/crt0-efi-x86_64.o))

# ---- Sources ---------------------------------------------------------------

# Portable core.
MM_SOURCES := \
	mm/range.c mm/topology.c mm/bootmem.c mm/page.c mm/zone.c mm/buddy.c mm/pcp.c \
	mm/page_alloc.c mm/slab.c mm/kmalloc.c mm/vspace.c mm/vmalloc.c mm/reclaim.c mm/init.c

# Knows firmware formats; no firmware call: built and fuzzed on the host too.
EFI_PURE_SOURCES := \
	efi/status.c efi/format.c efi/log.c efi/boot_info.c efi/options.c efi/memory_map.c \
	efi/acpi_root.c efi/acpi_madt.c efi/acpi_srat.c efi/acpi_slit.c efi/acpi_hmat.c \
	efi/acpi_spcr.c

# Talks to firmware or drives the boot.
EFI_SOURCES := efi/firmware.c efi/capture.c efi/framebuffer.c efi/font.c efi/main.c

# Page-table code on plain memory: host-built too.
ARCH_PURE_SOURCES := arch/x86_64/paging.c

ARCH_SOURCES := \
	arch/x86_64/trap_entry.S arch/x86_64/ap_trampoline.S arch/x86_64/mem.S \
	arch/x86_64/cpu.c arch/x86_64/descriptors.c arch/x86_64/trap.c arch/x86_64/mmu.c \
	arch/x86_64/apic.c arch/x86_64/smp.c arch/x86_64/thread.c arch/x86_64/serial.c \
	arch/x86_64/time.c arch/x86_64/power.c arch/x86_64/port.c

# Same source in the image and on the host.
UNIT_SOURCES := tests/glob.c tests/ktap.c tests/suites_unit.c $(wildcard tests/unit/*.c)
# Image only.
LIVE_SOURCES := $(wildcard tests/live/*.c)
HOST_SOURCES := $(wildcard tests/host/*.c)

# ---- Flags -----------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wswitch-enum -Wundef -Wvla -Werror
COMMON_FLAGS := -std=gnu11 -g -O2 $(WARNINGS) -Iinclude -I. -MMD -MP -fno-strict-aliasing
IMAGE_FLAGS := $(COMMON_FLAGS) -ffreestanding -fpic -fvisibility=hidden -fno-stack-protector \
	-fshort-wchar -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fcf-protection=none \
	-mno-red-zone -mgeneral-regs-only -fno-jump-tables \
	-Iarch/x86_64/port -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
HOST_FLAGS := $(COMMON_FLAGS) -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -DMM_DEBUG=1 -Itests/host/port -pthread

# ---- Image -----------------------------------------------------------------

IMAGE_SOURCES := $(wildcard $(EFI_PURE_SOURCES) $(EFI_SOURCES) $(ARCH_PURE_SOURCES) \
	$(ARCH_SOURCES) $(MM_SOURCES) $(UNIT_SOURCES) tests/suites_live.c $(LIVE_SOURCES))
IMAGE_OBJECTS := $(patsubst %,$(BUILD)/image/%.o,$(IMAGE_SOURCES))
# Linked last: its section ends .rodata on a page boundary (see the file).
IMAGE_LAST := $(patsubst %,$(BUILD)/image/%.o,$(wildcard arch/x86_64/rodata_end.S))

$(BUILD)/image/%.c.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(IMAGE_FLAGS) -c $< -o $@

$(BUILD)/image/%.S.o: %.S Makefile
	@mkdir -p $(@D)
	$(CC) $(IMAGE_FLAGS) -c $< -o $@

$(BUILD)/slabstick.so: $(IMAGE_OBJECTS) $(IMAGE_LAST)
	ld -nostdlib -znocombreloc -shared -Bsymbolic --no-undefined -T $(EFI_LDS) -L /usr/lib \
		$(EFI_CRT0) $(IMAGE_OBJECTS) -lefi -lgnuefi $(IMAGE_LAST) -o $@

$(BUILD)/slabstick.debug: $(BUILD)/slabstick.so
	objcopy --only-keep-debug $< $@

$(BUILD)/BOOTX64.EFI: $(BUILD)/slabstick.so $(BUILD)/slabstick.debug
	objcopy -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel -j .rela -j .reloc \
		--target=efi-app-x86_64 $< $@

# ---- Host ------------------------------------------------------------------

UNIT_PROGRAM_SOURCES := $(wildcard $(EFI_PURE_SOURCES) $(ARCH_PURE_SOURCES) $(MM_SOURCES) \
	$(UNIT_SOURCES) $(HOST_SOURCES))
UNIT_OBJECTS := $(patsubst %,$(BUILD)/host/unit.o/%.o,$(UNIT_PROGRAM_SOURCES))

$(BUILD)/host/unit.o/%.c.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(HOST_FLAGS) -c $< -o $@

$(BUILD)/host/unit: $(UNIT_OBJECTS)
	$(CC) $(HOST_FLAGS) $^ -o $@

# ---- Targets ---------------------------------------------------------------

.PHONY: help quick image host
help:
	@echo 'make run | test | image | host | quick | clean'

quick: $(IMAGE_OBJECTS) $(UNIT_OBJECTS)

host: $(BUILD)/host/unit
image: $(BUILD)/BOOTX64.EFI

clean:
	rm -rf $(BUILD)

-include $(IMAGE_OBJECTS:.o=.d) $(UNIT_OBJECTS:.o=.d)
