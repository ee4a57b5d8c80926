#ifndef BOOT_INFO_H
#define BOOT_INFO_H

/*
 * Everything the core learns of the machine.
 *
 * The front end fills it before and right after ExitBootServices; from then on
 * nobody writes it. It holds no UEFI or ACPI type and no pointer into firmware:
 * its arrays live in one arena of loader memory, so that boot_info_move() can
 * follow them from the firmware's identity map into the kernel's direct map.
 *
 * Addresses are physical bytes; ranges are half-open. Proximity domains are
 * the firmware's own 32-bit numbers; node ids exist only from mm/topology on.
 */

#include "lib/compiler.h"

/* What memory is for, after all of the firmware's types are understood. */
enum mem_type {
	MEM_USABLE,		/* RAM for the page allocator */
	MEM_KERNEL,		/* RAM holding the image, its stacks, tables and boot_info */
	MEM_ACPI_RECLAIM,	/* RAM with ACPI tables: mapped, never allocated */
	MEM_ACPI_NVS,
	MEM_RUNTIME_CODE,	/* stays mapped for the firmware's runtime services */
	MEM_RUNTIME_DATA,
	MEM_LOW,		/* RAM below 1 MiB, not the allocator's: firmware writes there */
	MEM_NOT_CACHED,		/* conventional memory without write-back */
	MEM_SOFT_RESERVED,	/* EFI_MEMORY_SP: set aside for special use */
	MEM_PERSISTENT,
	MEM_UNACCEPTED,
	MEM_MMIO,
	MEM_RESERVED,
	MEM_UNUSABLE,		/* the firmware found errors there */
	MEM_UNKNOWN,		/* a type no specification names */
	NR_MEM_TYPES
};

/* "usable", "ACPI reclaim", ... Never NULL. */
const char *mem_type_name(enum mem_type type);

struct mem_range {
	uint64_t start;
	uint64_t end;
	enum mem_type type;
	uint32_t efi_type;	/* the number the firmware gave, for the log */
	uint64_t attributes;	/* EFI_MEMORY_* bits, for the log and runtime mapping */
};

/* One enabled, non-empty SRAT memory affinity entry. */
struct affinity_range {
	uint64_t start;
	uint64_t end;
	uint32_t domain;
	bool is_hot_pluggable;
	bool is_non_volatile;
};

#define DOMAIN_NONE	UINT64_MAX	/* no SRAT entry names this CPU */

/* One CPU that the firmware lists as enabled; [0] is the one that runs. */
struct boot_cpu {
	uint32_t apic_id;
	uint64_t domain;		/* all 32-bit numbers are domains; or DOMAIN_NONE */
};

/* SLIT: value[from * nr_localities + to], indexed by proximity domain. */
struct distance_table {
	uint32_t nr_localities;		/* 0: no usable SLIT */
	uint8_t *value;
};

#define PERFORMANCE_UNKNOWN	0u

/* One pair of HMAT's system locality latency and bandwidth structures. */
struct performance {
	uint32_t initiator;		/* proximity domains */
	uint32_t target;
	uint32_t read_latency_ps;	/* or PERFORMANCE_UNKNOWN; saturates */
	uint32_t write_latency_ps;
	uint32_t read_bandwidth_mbps;	/* MB/s, or PERFORMANCE_UNKNOWN */
	uint32_t write_bandwidth_mbps;
};

/* A firmware table as it was, for reports: nothing is decided by it any more. */
struct table_copy {
	char signature[5];
	uint32_t length;
	uint64_t firmware_pa;		/* where it was */
	uint64_t copy_pa;		/* where its copy is, in the arena */
};

enum severity { SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, NR_SEVERITIES };

/* "info", "low", "medium", "high". */
const char *severity_name(enum severity severity);

/* Something the owner of the machine should know about its firmware. */
struct finding {
	const char *label;		/* stable: "SratOverlap"; static text */
	enum severity severity;
	char text[192];			/* one sentence: what, and what was done about it */
};

struct framebuffer_info {
	uint64_t base_pa;		/* 0: none */
	uint64_t size_bytes;
	uint32_t width, height;
	uint32_t pixels_per_row;	/* of 32 bits each */
	uint32_t red_mask, green_mask, blue_mask;	/* where a pixel has its colours */
};

enum uart_space { UART_NONE, UART_PORT, UART_MEMORY };

struct uart_info {
	enum uart_space space;
	uint64_t base;			/* I/O port or physical address */
	uint32_t baud;			/* 0: leave as firmware set it */
	uint8_t register_stride_bytes;	/* 1, or 4 for some memory-mapped ones */
};

/* From FADT and DSDT. Ports are 0 where there is none. */
struct power_info {
	uint16_t pm_timer_port;		/* at least 24 bits, counting at 3,579,545 Hz */
	uint16_t pm1a_control_port, pm1b_control_port;
	bool has_s5;			/* the types below are known */
	uint8_t s5_type_a, s5_type_b;	/* for SLP_TYP of PM1a and PM1b control */
	uint16_t reset_port;
	uint8_t reset_value;
};

/* The running image: [start, end) is page-aligned and holds these, in this order. */
struct image_info {
	uint64_t start, end;
	uint64_t text_start, text_end;
	uint64_t rodata_start, rodata_end;
	uint64_t data_start, data_end;
};

/* Memory that shall serve movable pages alone, in all: bytes, or percent of the usable. */
struct movable_request {
	uint64_t bytes;
	uint32_t percent;		/* 0: bytes counts; both 0: none */
};

#define COMMAND_LINE_BYTES	1024

struct boot_info {
	struct mem_range *ranges;	/* sorted, disjoint, page-aligned, whole map */
	uint32_t nr_ranges;
	uint64_t nr_firmware_pages;	/* sum over the descriptors the firmware gave, valid ones */
	uint64_t nr_overlap_pages;	/* of these: pages given more than once, so counted again */

	struct affinity_range *affinity;	/* sorted by start; empty: no usable SRAT */
	uint32_t nr_affinity;

	uint32_t *domains;		/* of enabled SRAT entries, Linux's order, with repeats */
	uint32_t nr_domains;

	struct boot_cpu *cpus;
	uint32_t nr_cpus;
	uint32_t *initiators;		/* domains with an enabled generic initiator */
	uint32_t nr_initiators;

	struct distance_table distance;
	struct performance *performance;	/* by initiator, then target; each pair once */
	uint32_t nr_performance;

	struct table_copy *tables;
	uint32_t nr_tables;

	struct finding *findings;
	uint32_t nr_findings;
	uint32_t max_findings;

	struct framebuffer_info framebuffer;
	struct uart_info uart;
	struct power_info power;
	struct image_info image;
	uint64_t local_apic_pa;		/* from the MADT, type 5 override included */
	uint64_t trampoline_pa;		/* one page below 640 KiB for starting CPUs, or 0 */
	uint64_t table_pool_start;	/* page-table pages for the first address space */
	uint64_t table_pool_end;
	uint64_t arena_start;		/* where the arrays above live */
	uint64_t arena_end;
	uint64_t runtime_services_pa;	/* EFI_RUNTIME_SERVICES, for reset only */
	uint64_t rsdp_pa;
	uint64_t results_pa;		/* where the log outlives a warm reset, or 0 */
	struct movable_request movable;	/* what the user asked for */

	char firmware_vendor[64];
	uint32_t firmware_revision;
	char command_line[COMMAND_LINE_BYTES];
};

/* Adds @offset to every pointer in @info: its arena is now reached that far away. */
void boot_info_move(struct boot_info *info, uintptr_t offset);

/*
 * Appends a finding; drops it when the list is full, after replacing the last
 * place by "MoreFindings", so that a full list never looks complete.
 */
void boot_info_add_finding(struct boot_info *info, const char *label, enum severity severity,
			   const char *format, ...) PRINTF(4, 5);

#endif
