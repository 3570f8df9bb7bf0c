//! From reset to `board_main`: the stack pointer, the FPU and a cleared `.bss`. Cortex-M has `cortex-m-rt`.

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
