/*
 * The serial line: a 16550-compatible UART at ports or in memory.
 *
 * Model
 *   Polled output. The transmitter is ready for FIFO_BYTES whenever THRE is
 *   set. Nothing waits for ever: a machine may have no UART (reads give 0xFF)
 *   or one whose transmitter is stuck. After MAX_TIMEOUTS bytes in a row that
 *   never left, the line counts as dead and output is dropped at once.
 *
 * Locking
 *   The log serialises its sinks; a panic may break in, so nothing here waits
 *   for another CPU.
 */

#include "arch.h"
#include "arch/x86_64/insn.h"
#include "lib/compiler.h"
#include "log.h"

enum uart_register {
	UART_DATA = 0,			/* divisor low while DLAB is set */
	UART_INTERRUPTS = 1,		/* divisor high */
	UART_FIFO = 2,
	UART_LINE_CONTROL = 3,
	UART_MODEM_CONTROL = 4,
	UART_LINE_STATUS = 5,
	UART_SCRATCH = 7,
};

#define LINE_8N1		0x03u
#define LINE_DIVISOR		0x80u
#define FIFO_ON_AND_CLEAR	0x07u
#define MODEM_READY		0x03u	/* DTR, RTS; OUT2 (interrupts) stays off */
#define STATUS_DATA_READY	0x01u
#define STATUS_THR_EMPTY	0x20u
#define STATUS_NOTHING_THERE	0xffu
#define FIFO_BYTES		16u
#define FIRST_PORT		0x3f8u	/* a PC's first serial port */
#define CLOCK_BAUD		115200u	/* divisor 1 */

/* A FIFO at 9,600 baud empties in 17 ms; a port read takes about 1 us. */
#define MAX_POLLS		200000u
#define MAX_TIMEOUTS		2u

static struct {
	bool is_memory, is_live;
	uintptr_t base;			/* port, or virtual address */
	unsigned stride_bytes;
	unsigned room;			/* bytes the transmitter is known to take */
	unsigned nr_timeouts;
} uart;

static uint8_t read_uart(enum uart_register reg)
{
	uintptr_t at = uart.base + reg * uart.stride_bytes;

	if (!uart.is_memory)
		return in8((uint16_t)at);
	if (uart.stride_bytes == sizeof(uint32_t))
		return (uint8_t)mmio_read32(at);
	return *(volatile uint8_t *)at;
}

static void write_uart(enum uart_register reg, uint8_t value)
{
	uintptr_t at = uart.base + reg * uart.stride_bytes;

	if (!uart.is_memory)
		out8((uint16_t)at, value);
	else if (uart.stride_bytes == sizeof(uint32_t))
		mmio_write32(at, value);
	else
		*(volatile uint8_t *)at = value;
}

/* A register that keeps what is written to it: only a UART has that here. */
static bool answers(void)
{
	static const uint8_t probes[] = { 0x5a, 0xa5 };

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		write_uart(UART_SCRATCH, probes[i]);
		if (read_uart(UART_SCRATCH) != probes[i])
			return false;
	}
	return read_uart(UART_LINE_STATUS) != STATUS_NOTHING_THERE;
}

static void set_line(uint32_t baud)
{
	write_uart(UART_INTERRUPTS, 0);
	if (baud && baud <= CLOCK_BAUD) {
		uint32_t divisor = CLOCK_BAUD / baud;

		write_uart(UART_LINE_CONTROL, LINE_DIVISOR | LINE_8N1);
		write_uart(UART_DATA, (uint8_t)divisor);
		write_uart(UART_INTERRUPTS, (uint8_t)(divisor >> 8));
	}
	write_uart(UART_LINE_CONTROL, LINE_8N1);
	write_uart(UART_FIFO, FIFO_ON_AND_CLEAR);
	write_uart(UART_MODEM_CONTROL, MODEM_READY);
}

static bool try_uart(const struct uart_info *info)
{
	uart.is_live = false;
	if (info->space == UART_NONE)
		return false;
	uart.is_memory = info->space == UART_MEMORY;
	uart.base = uart.is_memory ? (uintptr_t)arch_phys_to_virt(info->base)
				   : (uintptr_t)info->base;
	uart.stride_bytes = info->register_stride_bytes ? info->register_stride_bytes : 1;
	uart.room = 0;
	uart.nr_timeouts = 0;
	if (!answers())
		return false;
	set_line(info->baud);
	uart.is_live = true;
	return true;
}

enum status arch_serial_init(const struct uart_info *info)
{
	static const struct uart_info first_port = { UART_PORT, FIRST_PORT, 0, 1 };

	if (try_uart(info))
		return STATUS_OK;
	if (info->space == UART_PORT && info->base == FIRST_PORT)
		return STATUS_ABSENT;
	if (!try_uart(&first_port))
		return STATUS_ABSENT;
	log_line(LOG_WARN, "serial: no UART where firmware says; the first port is used");
	return STATUS_OK;
}

static bool wait_for_room(void)
{
	for (unsigned i = 0; i < MAX_POLLS; i++) {
		if (read_uart(UART_LINE_STATUS) & STATUS_THR_EMPTY) {
			uart.room = FIFO_BYTES;
			uart.nr_timeouts = 0;
			return true;
		}
		__builtin_ia32_pause();
	}
	if (++uart.nr_timeouts >= MAX_TIMEOUTS)
		uart.is_live = false;
	return false;
}

static void write_byte(char byte)
{
	if (!uart.room && !wait_for_room())
		return;
	uart.room--;
	write_uart(UART_DATA, (uint8_t)byte);
}

void arch_serial_write(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes && uart.is_live; i++) {
		if (text[i] == '\n')
			write_byte('\r');
		write_byte(text[i]);
	}
}

int arch_serial_read(void)
{
	if (!uart.is_live || !(read_uart(UART_LINE_STATUS) & STATUS_DATA_READY))
		return -1;
	return read_uart(UART_DATA);
}
