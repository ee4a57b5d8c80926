# gdb -x tools/debug.gdb, beside `make debug`: stops in the kernel with source lines.
# The image is linked at 0 and relocated to the top of the address space before any
# kernel code runs (include/arch.h, arch_enter_kernel), so its symbols move by a constant.
set pagination off
set confirm off
add-symbol-file build/slabstick.debug -o 0xffffffff80000000
target remote 127.0.0.1:1234
# A hardware breakpoint: the code is not there yet when it is set.
hbreak mm_init
continue
