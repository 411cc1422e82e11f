/*
 * entry.S - the payload's header, and the room for the trampolines. Machine-independent but for the filler.
 * The layout is struct ts_payload_header of params.h.
 */
#if defined(__x86_64__)
#define TRAP_BYTE 0xcc /* int3 */
#else
#error "no payload for this machine yet"
#endif

	.section .header, "a"
	.globl ts_payload
ts_payload:
	.ascii	"TIMEPYLD"
	.long	4			/* TS_PAYLOAD_VERSION */
	.long	TS_CODE_BYTES
	.long	TS_PARAMS_BYTES
	.long	0xfc0			/* index, slots, in the parameter pages */
	.long	0x1000
	.long	0x2000			/* sizeof(struct ts_slot) */
	.long	0x5000			/* probe, in the parameter pages */
	.long	64			/* TS_TRAMPOLINE_SIZE */
	.long	ts_probe - ts_payload
	.long	ts_clock_gettime - ts_payload
	.long	ts_gettimeofday - ts_payload
	.long	ts_time - ts_payload
	.long	ts_original_clock_gettime - ts_payload
	.long	ts_original_gettimeofday - ts_payload
	.long	ts_original_time - ts_payload
	.long	ts_enter - ts_payload
	.long	ts_begin - ts_payload
	.long	ts_gate - ts_payload
	.long	ts_gate_called - ts_payload

	.macro trampoline name
	.globl	\name
	.hidden	\name
	.type	\name, %function
\name:
	.fill	64, 1, TRAP_BYTE
	.endm

	.section .trampolines, "ax"
	.balign	64
	trampoline ts_original_clock_gettime
	trampoline ts_original_gettimeofday
	trampoline ts_original_time

	.section .note.GNU-stack, "", %progbits
