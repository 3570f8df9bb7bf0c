//! The linker scripts of the board and of defmt.

use std::env;
use std::fs;
use std::path::PathBuf;

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("set by cargo"));
    let memory = here.join("../images/link/memory.x");
    println!("cargo:rerun-if-changed={}", memory.display());
    fs::copy(memory, out.join("memory.x")).expect("a copy");
    println!("cargo:rustc-link-search={}", out.display());
    for argument in ["--nmagic", "-Tlink.x", "-Tdefmt.x"] {
        println!("cargo:rustc-link-arg={argument}");
    }
}
