/* embedded.S - what is in the single binary beside Node: libraries, and the note in which Node finds our program. */

	.section .rodata
	.macro embed label, file
	.balign 64
\label:
	.incbin "\file"
\label\()_end:
	.endm

	embed gcc, "libgcc_s.so.1"
	embed cxx, "libstdc++.so.6"
	embed koffi, "koffi.node"
	embed helper, "timeskew.so"

	.macro row label
	.quad \label\()_name, \label, \label\()_end
	.endm

/* struct embedded embedded[], in start.c. libstdc++ needs libgcc, koffi both. */
	.globl embedded
	.balign 8
embedded:
	row gcc
	row cxx
	row koffi
	row helper

gcc_name: .asciz "libgcc_s.so.1"
cxx_name: .asciz "libstdc++.so.6"
koffi_name: .asciz "koffi.node"
helper_name: .asciz "timeskew.so"

/* Node looks through the program's notes (PT_NOTE) for one of this name: its size, and the blob. */
	.section .note.NODE_SEA_BLOB, "a", %note
	.balign 4
	.long name_end - name, blob_end - blob, 0
name: .asciz "NODE_SEA_BLOB"
name_end:
	.balign 4
blob: .incbin "sea.blob"
blob_end:
	.balign 4

	.section .note.GNU-stack, "", %progbits
