# Sourced: chooses the compiler. $CARGO builds for the bare targets, with $STD behind it.
#
# The usual way is rustup with its targets added (README.md). Where they are missing, Debian's rustc-web builds
# `core` from its own source, and rustup's rust-lld links, which that package lacks.
BOARDS="thumbv7em-none-eabihf aarch64-unknown-none riscv64gc-unknown-none-elf x86_64-unknown-none"
BARE="$BOARDS thumbv6m-none-eabi riscv32imc-unknown-none-elf x86_64-unknown-uefi wasm32-unknown-unknown"

has_targets() {
  installed=$(rustup target list --installed 2>/dev/null) || return 1
  for target in $BARE; do
    printf '%s\n' "$installed" | grep -qx "$target" || return 1
  done
}

if has_targets; then
  CARGO=cargo STD=""
  NM=nm
else
  if ! [ -d "$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library" ]; then
    echo "no_std-tests: no compiler for the bare targets: see no_std-tests/README.md" >&2
    exit 2
  fi
  export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
  lld=$(rustup run stable rustc --print sysroot)/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld
  for target in $BARE; do
    export "CARGO_TARGET_$(printf %s "$target" | tr 'a-z-' 'A-Z_')_LINKER=$lld"
  done
  CARGO=/usr/bin/cargo STD="-Zbuild-std=core"
fi

# Builds the image `gate` for target $1, with features $2, and beside it LLVM's code and the sizes of frames, which
# `callgraph.py` reads.
gate() {
  # shellcheck disable=SC2086
  RUSTC_BOOTSTRAP=1 $CARGO rustc -q $STD --release -p images --bin gate --features "${2:-}" --target "$1" -- \
    --emit=llvm-ir -Zemit-stack-sizes
}

# Boots an image and passes its exit status on. $1 the target, $2 the image.
boot() {
  case $1 in
  x86_64*)
    status=0
    timeout 60 qemu-system-x86_64 -M pc -nodefaults -cpu qemu64 -m 64M -display none -monitor none -serial stdio \
      -device isa-debug-exit,iobase=0xf4,iosize=4 -no-reboot -kernel "$2" </dev/null || status=$?
    [ $((status % 2)) = 1 ] || return 1
    return $((status / 2))
    ;;
  thumb*) set -- "$2" qemu-system-arm -M mps2-an386 -cpu cortex-m4 ;;
  aarch64*) set -- "$2" qemu-system-aarch64 -M virt -nic none -cpu cortex-a72 -m 64M ;;
  riscv64*) set -- "$2" qemu-system-riscv64 -M virt -bios none -m 64M ;;
  esac
  image=$1
  shift
  timeout 60 "$@" ${QEMU_MORE:-} -display none -monitor none -serial none \
    -semihosting-config enable=on,target=native -kernel "$image" </dev/null
}
