/*
 * The serial line on a made-up UART: registers in a page of RAM, which keep what is
 * written and of which the line status says what the test puts there.
 *
 * While it is in place nothing may be logged: it would go there.
 */

#include "arch.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/mmu.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "tests/test.h"

enum { DATA, INTERRUPTS, FIFO, LINE_CONTROL, MODEM_CONTROL, LINE_STATUS, SCRATCH = 7 };

#define THR_EMPTY	0x20u
#define ALL_SENT	0x40u
#define LONG_MS		3000u
#define NS_PER_MS	1000000ull
#define NR_BYTES	4096u
#define DRAIN_US	20000u

struct result {
	enum status status;
	uint8_t interrupts, fifo, line_control, modem_control, divisor_low, last_sent;
	uint64_t ns;
	uint8_t sent_then;		/* last, when the transmitter goes on */
};

/* Writes NR_BYTES to the made-up UART; the true one is back on return. */
static struct result write_to_made_up(unsigned stride_bytes, uint8_t line_status, char byte)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct result result = { .status = STATUS_NO_MEMORY };
	static char text[NR_BYTES];
	struct uart_info made_up = { UART_MEMORY, 0, 9600, (uint8_t)stride_bytes };
	volatile uint8_t *registers;
	uint64_t start_ns;

	CHECK(page != NULL);
	if (!page)
		return result;
	memset(text, byte, sizeof(text));
	arch_delay_us(DRAIN_US);	/* the true one sends what it has: its FIFO is cleared */
	registers = page_address(page);
	registers[LINE_STATUS * stride_bytes] = line_status;
	made_up.base = pfn_to_pa(page_to_pfn(page));
	result.status = arch_serial_init(&made_up);
	result.interrupts = registers[INTERRUPTS * stride_bytes];
	result.fifo = registers[FIFO * stride_bytes];
	result.line_control = registers[LINE_CONTROL * stride_bytes];
	result.modem_control = registers[MODEM_CONTROL * stride_bytes];
	result.divisor_low = registers[DATA * stride_bytes];
	start_ns = arch_now_ns();
	arch_serial_write(text, sizeof(text));
	result.ns = arch_now_ns() - start_ns;
	result.last_sent = registers[DATA * stride_bytes];
	registers[LINE_STATUS * stride_bytes] = THR_EMPTY | ALL_SENT;
	arch_serial_write("\n.", 2);
	result.sent_then = registers[DATA * stride_bytes];
	if (arch_serial_init(&mmu_boot_info->uart) != STATUS_OK)
		test_fail(__FILE__, __LINE__, "the true UART does not answer any more");
	__free_page(page);
	return result;
}

/* 9,600 baud is divisor 12; nothing interrupts, FIFO on, DTR and RTS. */
static void registers_are_where_the_stride_says(void)
{
	if (arch_serial_init(&mmu_boot_info->uart) != STATUS_OK)
		SKIP("no UART to come back to");
	for (unsigned stride_bytes = 1; stride_bytes <= 4; stride_bytes *= 4) {
		struct result result = write_to_made_up(stride_bytes, THR_EMPTY, 'x');

		CHECK_EQ(result.status, STATUS_OK);
		CHECK_EQ(result.divisor_low, 12);
		CHECK_EQ(result.last_sent, 'x');
		CHECK_EQ(result.interrupts, 0);
		CHECK_EQ(result.fifo, 7);
		CHECK_EQ(result.line_control, 3);
		CHECK_EQ(result.modem_control, 3);
	}
}

static void a_stuck_transmitter_costs_little_and_may_go_on(void)
{
	struct result result;

	if (arch_serial_init(&mmu_boot_info->uart) != STATUS_OK)
		SKIP("no UART to come back to");
	result = write_to_made_up(1, 0, 'x');
	CHECK_EQ(result.last_sent, 12);		/* the divisor's: no byte went */
	CHECK(result.ns < LONG_MS * NS_PER_MS);
	CHECK_EQ(result.sent_then, '.');
	test_comment("%u ms", (unsigned)(result.ns / NS_PER_MS));
}

static const struct test_case cases[] = {
	{ "registers are where the stride says", registers_are_where_the_stride_says },
	{ "a stuck transmitter costs little and may go on",
	  a_stuck_transmitter_costs_little_and_may_go_on },
};

TEST_SUITE(serial, cases);
