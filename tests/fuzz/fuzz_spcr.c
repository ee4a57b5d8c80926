/* SPCR and DBG2: an accepted port is one. */

#include "tests/fuzz/input.h"

static void require_port(enum status status, const struct uart_info *uart)
{
	if (status == STATUS_OK &&
	    (uart->base == 0 || (uart->space == UART_PORT && uart->base > 0xFFFF)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes table = fuzz_table(data, size, "SPCR");
	struct uart_info uart;

	require_port(spcr_read(table, &uart), &uart);
	fuzz_free(table);
	table = fuzz_table(data, size, "DBG2");
	require_port(dbg2_read(table, &uart), &uart);
	fuzz_free(table);
	return 0;
}
