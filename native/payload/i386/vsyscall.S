/*
 * vsyscall.S - where a 32-bit program's system calls come in: its libraries make them by the vDSO's __kernel_vsyscall,
 * which keeps all registers but eax.
 *
 * Most are none of ours and go on at once, as if nothing had been in between. So are those that the vDSO's own
 * functions make, which read the true time for us; or for the program, where they were not replaced.
 */
#include "../machine.h"

/* struct ts_mark */
#define VDSO_ADDRESS 48
#define VDSO_SIZE 56

	.text
	.globl	ts_vsyscall, ts_make_directly
	.hidden	ts_vsyscall, ts_make_directly
	.type	ts_vsyscall, %function
ts_vsyscall:
	pushl	%ecx
	call	4f
1:	cmpl	$TS_LAST_CALL, %eax
	ja	2f
	testb	$0xff, ts_rules - 1b(%ecx, %eax)
	jnz	3f
2:	popl	%ecx
	jmp	ts_original_vsyscall
3:	pushl	%edx
	movl	8(%esp), %edx			/* where it returns to */
	subl	ts_params + VDSO_ADDRESS - 1b(%ecx), %edx
	cmpl	ts_params + VDSO_SIZE - 1b(%ecx), %edx
	popl	%edx
	jb	2b
	popl	%ecx
	/* struct ts_call */
	pushl	$0
	pushl	$0
	pushl	%eax
	pushl	%ebp
	pushl	%edi
	pushl	%esi
	pushl	%edx
	pushl	%ecx
	pushl	%ebx
	pushl	%eax
	pushl	%esp
	call	ts_translate
	popl	%ecx
	testl	%eax, %eax
	popl	%eax
	popl	%ebx
	popl	%ecx
	popl	%edx
	popl	%esi
	popl	%edi
	popl	%ebp
	leal	12(%esp), %esp
	jz	ts_original_vsyscall
	ret
4:	movl	(%esp), %ecx
	ret

	.type	ts_make_directly, %function
ts_make_directly:
	pushl	%ebp
	pushl	%edi
	pushl	%esi
	pushl	%ebx
	movl	20(%esp), %eax
	movl	4(%eax), %ebx
	movl	8(%eax), %ecx
	movl	12(%eax), %edx
	movl	16(%eax), %esi
	movl	20(%eax), %edi
	movl	24(%eax), %ebp
	movl	(%eax), %eax
	call	ts_original_vsyscall
	popl	%ebx
	popl	%esi
	popl	%edi
	popl	%ebp
	ret

	.section .note.GNU-stack, "", %progbits
