#ifndef ARCH_X86_64_PORT_H
#define ARCH_X86_64_PORT_H

/* From now on the kernel's tables grow from the page allocator's stock. */
void port_init(void);

#endif
