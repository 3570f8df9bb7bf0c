//! The linker script of the target's board.

use std::env;
use std::fs;
use std::path::PathBuf;

fn main() {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("set by cargo");
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("set by cargo"));
    println!("cargo:rerun-if-changed=link");
    match arch.as_str() {
        "arm" => {
            fs::copy(here.join("link/memory.x"), out.join("memory.x")).expect("a copy");
            println!("cargo:rustc-link-search={}", out.display());
            println!("cargo:rustc-link-arg=--nmagic");
            println!("cargo:rustc-link-arg=-Tlink.x");
        }
        "aarch64" => println!("cargo:rustc-link-arg=-T{}", here.join("link/aarch64.ld").display()),
        "riscv32" | "riscv64" => {
            println!("cargo:rustc-link-arg=-T{}", here.join("link/riscv.ld").display());
        }
        "x86_64" if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") => {
            println!("cargo:rustc-link-arg=-T{}", here.join("link/x86_64.ld").display());
        }
        _ => {}
    }
}
