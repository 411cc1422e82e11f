/*
 * entry.S - the payload's header, and the room for the trampolines. The layout is struct ts_payload_header of params.h.
 */
#include "machine.h"

/* What a 32-bit program calls clock_gettime has 32 bits for seconds; the one that all machines have is its second. */
#ifdef __i386__
#define FUNCTIONS(prefix) \
	prefix##clock_gettime32, prefix##gettimeofday, prefix##time, prefix##clock_gettime, prefix##vsyscall
#elif defined(TS_HAS_TIME)
#define FUNCTIONS(prefix) prefix##clock_gettime, prefix##gettimeofday, prefix##time, ts_payload, ts_payload
#else
#define FUNCTIONS(prefix) prefix##clock_gettime, prefix##gettimeofday, ts_payload, ts_payload, ts_payload
#endif

	.section .header, "a"
	.globl ts_payload
ts_payload:
	.ascii	"TIMEPYLD"
	.long	5			/* TS_PAYLOAD_VERSION */
	.long	TS_ELF_MACHINE
	.long	TS_CODE_BYTES
	.long	TS_PARAMS_BYTES
	.long	0xfc0			/* index, slots, in the parameter pages */
	.long	0x1000
	.long	0x2000			/* sizeof(struct ts_slot) */
	.long	0x5000			/* probe, in the parameter pages */
	.long	64			/* TS_TRAMPOLINE_SIZE */
	.long	ts_probe - ts_payload
	.irp	function, FUNCTIONS(ts_)
	.long	\function - ts_payload
	.endr
	.irp	function, FUNCTIONS(ts_original_)
	.long	\function - ts_payload
	.endr
#ifdef __i386__
	.long	0			/* no thunks */
#else
	.long	ts_enter - ts_payload
#endif
	.long	ts_begin - ts_payload
	.long	ts_gate - ts_payload
	.long	ts_gate_called - ts_payload

	.section .trampolines, "ax"
	.balign	64
	.irp	function, FUNCTIONS(ts_original_)
	.ifnc	\function, ts_payload
	.globl	\function
	.hidden	\function
	.type	\function, %function
\function:
	fill_with_traps 64
	.endif
	.endr

	.section .note.GNU-stack, "", %progbits
