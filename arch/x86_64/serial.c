/*
 * The serial line: a 16550-compatible UART at ports or in memory.
 *
 * Model
 *   Polled output. The transmitter is ready for SERIAL_FIFO_BYTES whenever THRE is
 *   set. Nothing waits for ever: a machine may have no UART (reads give 0xFF), or
 *   one whose transmitter is stuck or held up (serial_line.c).
 *
 * Locking
 *   The log serialises its sinks; a panic may break in, so nothing here waits
 *   for another CPU.
 */

#include "arch.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/serial_line.h"
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
#define STATUS_ALL_EMPTY	0x40u
#define STATUS_NOTHING_THERE	0xffu
#define FIRST_PORT		0x3f8u	/* a PC's first serial port */
#define CLOCK_BAUD		115200u	/* divisor 1 */

#define NS_PER_MS		1000000ull

/*
 * Below the 30 s after which CPUs that do not answer each other are a panic (smp.c): who
 * writes may have interrupts off.
 */
#define LINE_PATIENCE_MS	20000u
/* Before the verdict: a reader that pauses a minute has it. */
#define LAST_PATIENCE_MS	60000u

static struct {
	bool is_memory, is_live;
	uintptr_t base;			/* port, or virtual address */
	unsigned stride_bytes;
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

static bool is_ready(void)
{
	return (read_uart(UART_LINE_STATUS) & STATUS_THR_EMPTY) != 0;
}

static bool is_idle(void)
{
	return (read_uart(UART_LINE_STATUS) & STATUS_ALL_EMPTY) != 0;
}

static void send(uint8_t byte)
{
	write_uart(UART_DATA, byte);
}

static const struct transmitter transmitter = { is_ready, is_idle, send, arch_now_ns };
static struct serial_line line;

static bool try_uart(const struct uart_info *info)
{
	uart.is_live = false;
	if (info->space == UART_NONE)
		return false;
	uart.is_memory = info->space == UART_MEMORY;
	uart.base = uart.is_memory ? (uintptr_t)arch_device_to_virt(info->base)
				   : (uintptr_t)info->base;
	uart.stride_bytes = info->register_stride_bytes ? info->register_stride_bytes : 1;
	if (!answers())
		return false;
	set_line(info->baud);
	line = (struct serial_line){
		.to = &transmitter,
		.patience_ns = LINE_PATIENCE_MS * NS_PER_MS,
		.last_patience_ns = LAST_PATIENCE_MS * NS_PER_MS,
	};
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

void arch_serial_write(const char *text, size_t bytes)
{
	if (uart.is_live)
		serial_line_write(&line, text, bytes);
}

bool arch_serial_is_paused(void)
{
	return uart.is_live && line.is_paused;
}

void arch_serial_settle(void)
{
	if (uart.is_live)
		(void)serial_line_settle(&line);
}

int arch_serial_read(void)
{
	if (!uart.is_live || !(read_uart(UART_LINE_STATUS) & STATUS_DATA_READY))
		return -1;
	return read_uart(UART_DATA);
}
