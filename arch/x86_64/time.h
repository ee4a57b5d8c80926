#ifndef ARCH_X86_64_TIME_H
#define ARCH_X86_64_TIME_H

/* Measures the time-stamp counter; before that arch_delay_us() assumes 1 GHz. */
void time_init(void);

#endif
