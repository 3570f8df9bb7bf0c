//! From reset (on x86-64: from QEMU's or UEFI's loader) to `board_main`: the stack pointer, the FPU and a cleared `.bss`. Cortex-M has `cortex-m-rt`.

#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    r#"
.section .text._start, "ax"
.global _start
_start:
    mrs  x0, mpidr_el1
    and  x0, x0, #0xff
    cbnz x0, 3f
    mov  x0, #(3 << 20)        // CPACR_EL1.FPEN: FP and NEON do not trap
    msr  cpacr_el1, x0
    isb
    adrp x0, __stack_top
    add  x0, x0, :lo12:__stack_top
    mov  sp, x0
    adrp x0, __bss_start
    add  x0, x0, :lo12:__bss_start
    adrp x1, __bss_end
    add  x1, x1, :lo12:__bss_end
1:  cmp  x0, x1
    b.hs 2f
    stp  xzr, xzr, [x0], #16
    b    1b
2:  bl   board_main
3:  wfe
    b    3b
"#
);

#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
core::arch::global_asm!(
    r#"
.section .text._start, "ax"
.global _start
_start:
    csrr a0, mhartid
    bnez a0, 3f
    li   a0, 0x2000            // mstatus.FS = initial: FP does not trap
    csrs mstatus, a0
.option push
.option norelax
    la   gp, __global_pointer$
.option pop
    la   sp, __stack_top
    la   a0, __bss_start
    la   a1, __bss_end
1:  bgeu a0, a1, 2f
    sw   zero, 0(a0)
    addi a0, a0, 4
    j    1b
2:  call board_main
3:  wfi
    j    3b
"#
);

// The loader enters at the address in a note (PVH: Xen, `docs/misc/pvh.pandoc`), in 32-bit mode without paging. The first
// 32 MiB are mapped where they are, in pages of 2 MiB, then 64-bit mode is entered.
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
core::arch::global_asm!(
    r#"
.section .note.Xen, "a", @note
.align 4
    .long 4, 8, 18             // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad _start

.section .data.start, "aw"
.align 4096
4:  .quad 5f + 3
    .fill 511, 8, 0
5:  .quad 6f + 3
    .fill 511, 8, 0
6:  .set address, 0
    .rept 16
    .quad address + 0x83       // a page of 2 MiB, present and writable
    .set address, address + 0x200000
    .endr
    .fill 496, 8, 0
7:  .quad 0, 0x00209A0000000000, 0x0000920000000000
8:  .short 23
    .long 7b

.section .text._start, "ax"
.code32
.global _start
_start:
    cli
    movl $4b, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl  $0x20, %eax           // CR4.PAE
    movl %eax, %cr4
    movl $0xC0000080, %ecx     // EFER.LME
    rdmsr
    orl  $0x100, %eax
    wrmsr
    movl %cr0, %eax
    orl  $0x80000001, %eax     // CR0.PG, CR0.PE
    movl %eax, %cr0
    lgdt 8b
    ljmp $8, $2f
.code64
2:  movl $16, %eax
    movl %eax, %ss
    movl %eax, %ds
    movl %eax, %es
    movq $__stack_top, %rsp
    movq $__bss_start, %rdi
    movq $__bss_end, %rcx
    subq %rdi, %rcx
    xorl %eax, %eax
    rep stosb
    call board_main
    ud2
"#,
    options(att_syntax)
);

#[cfg(target_os = "uefi")]
#[unsafe(no_mangle)]
extern "efiapi" fn efi_main(_: *const (), _: *const ()) -> usize {
    unsafe extern "C" {
        fn board_main() -> !;
    }
    // SAFETY: the image has it, from `main!`.
    unsafe { board_main() }
}
