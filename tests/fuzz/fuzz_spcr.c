/* SPCR: an accepted port is one. */

#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes table = fuzz_table(data, size, "SPCR");
	struct uart_info uart;

	if (spcr_read(table, &uart) == STATUS_OK)
		if (uart.base == 0 || (uart.space == UART_PORT && uart.base > 0xFFFF))
			abort();
	fuzz_free(table);
	return 0;
}
