//! The built `vxcap` example against captures of the kernel, flanneld and Docker.

mod build;
#[path = "../common/mod.rs"]
mod common;
mod encap;
mod fcs;
mod files;
mod links;
mod offload;
mod roundtrip;
mod show;
mod skips;
mod streams;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;

/// What the program answered.
struct Answer {
    status: i32,
    stdout: String,
    stderr: String,
}

/// The program, which `cargo test` builds beside the tests; `cargo test --test vxcap` alone does not.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().expect("the test's path");
    let target = test.ancestors().nth(2).expect("deps lies in the target directory");
    let program = target.join("examples/vxcap");
    let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
    let built = modified(&program).expect("first: cargo build --example vxcap");
    let sources = std::fs::read_to_string(program.with_extension("d")).expect("its sources");
    for source in sources.split_whitespace().skip(1) {
        let is_newer = modified(Path::new(source)).is_ok_and(|modified| modified > built);
        assert!(!is_newer, "{source} is newer: cargo build --example vxcap");
    }
    program
});

/// Runs `vxcap`.
fn vxcap(args: &[impl AsRef<OsStr>]) -> Answer {
    let Output { status, stdout, stderr } =
        common::program(&PROGRAM).args(args).output().expect("vxcap runs");
    Answer {
        status: status.code().expect("an exit status"),
        stdout: String::from_utf8(stdout).expect("text"),
        stderr: String::from_utf8(stderr).expect("text"),
    }
}

/// `vxcap command FILE options`.
fn ask(command: &str, file: &Path, options: &[&str]) -> Answer {
    let mut args = vec![OsStr::new(command), file.as_os_str()];
    args.extend(options.iter().map(OsStr::new));
    vxcap(&args)
}

/// A file of `tests/data/cases`.
fn case(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases").join(file)
}

/// A directory of the test's own.
fn scratch(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vxcap").join(test);
    std::fs::create_dir_all(&directory).expect("a scratch directory");
    directory
}

/// The captures that other projects made (tests/data/public).
fn public_captures() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/public");
    let files = std::fs::read_dir(directory).expect("the captures");
    let files = files.map(|file| file.expect("an entry").path());
    let files: Vec<_> = files.filter(|file| file.extension() == Some(OsStr::new("pcap"))).collect();
    assert!(!files.is_empty(), "no capture in tests/data/public");
    files
}
