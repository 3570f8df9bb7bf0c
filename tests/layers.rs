//! The layers of the crate, read from its sources: who may use whom, where `unsafe` may stand, how long a
//! file and a function may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Each layer, and the layers that it may use beside itself. The root and the manual speak of all of them.
const LAYERS: [(&str, &[&str]); 17] = [
    ("checksum", &[]),
    ("hash", &[]),
    ("verdict", &[]),
    ("buf", &["verdict", "arch", "checksum"]),
    ("subnet", &[]),
    ("wire", &["checksum"]),
    ("arch", &["checksum"]),
    ("lease", &["subnet", "wire", "hash"]),
    ("netlink", &["subnet", "wire"]),
    ("agent", &["subnet", "lease", "netlink", "wire"]),
    ("tunnel", &["wire", "checksum", "buf", "verdict", "arch"]),
    ("batch", &["tunnel", "buf", "verdict", "arch"]),
    ("forward", &["subnet", "wire", "lease", "verdict", "buf", "tunnel", "batch", "checksum"]),
    ("device", &["tunnel", "buf"]),
    (
        "format",
        &[
            "agent", "arch", "batch", "buf", "checksum", "hash", "lease", "netlink", "subnet",
            "tunnel", "verdict",
        ],
    ),
    ("serialize", &["wire", "subnet", "lease"]),
    ("arbitrary", &["wire", "checksum", "verdict", "tunnel", "subnet", "lease", "netlink"]),
];

/// The most lines of a file, its tests included. What nears it is two things, and should be two files.
const FILE_LINES: usize = 480;

/// The most lines of a function, tests included.
const FUNCTION_LINES: usize = 60;

/// A file below `src`.
struct Source {
    /// The path of its module: `["wire", "udp"]` for `src/wire/udp.rs`, `["wire"]` for `src/wire/mod.rs`.
    module: Vec<String>,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let path = path.strip_suffix(".rs").expect("a Rust file");
        let module = path.split('/').filter(|part| !matches!(*part, "mod" | "lib"));
        Self { module: module.map(str::to_owned).collect(), text: text.to_owned() }
    }

    fn layer(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }

    /// The code without its comments, in which each path of `super::` that leads to the crate's root is
    /// written `crate::`. An inline `mod tests`, always the last of a file, is one module deeper.
    fn code(&self) -> String {
        let mut to_root = "super::".repeat(self.module.len());
        let mut code = String::new();
        for line in self.text.lines() {
            if line.contains("mod tests {") {
                to_root.push_str("super::");
            }
            let line = line.split("//").next().unwrap_or_default();
            code += &line.replace(&to_root, "crate::");
            code.push('\n');
        }
        code
    }

    /// The modules of the crate's root that are named in the code.
    fn used(&self) -> Vec<String> {
        self.code().split("crate::").skip(1).flat_map(first_names).collect()
    }
}

/// The names that a path begins with: one, or several between braces.
fn first_names(path: &str) -> Vec<String> {
    let ident = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![ident(path)] };
    let mut names = vec![ident(group)];
    let mut depth = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(ident(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

fn wrong_uses(source: &Source) -> Vec<String> {
    let Some(layer) = source.layer().filter(|layer| *layer != "manual") else { return Vec::new() };
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        return vec![format!("{layer}: no layer of that name")];
    };
    let layers =
        source.used().into_iter().filter(|used| LAYERS.iter().any(|(name, _)| name == used));
    layers
        .filter(|used| used != layer && !allowed.contains(&used.as_str()))
        .map(|used| format!("{} uses {used}", source.module.join("/")))
        .collect()
}

/// The roots of modules forbid unsafe code, for all that stands in them; `arch` alone may not.
fn missing_forbid(source: &Source) -> Vec<String> {
    let is_root = source.module.len() == 1 && source.layer() != Some("arch");
    if is_root && !source.text.contains("#![forbid(unsafe_code)]") {
        return vec![format!("{} does not forbid unsafe code", source.module.join("/"))];
    }
    Vec::new()
}

fn too_long(source: &Source) -> Vec<String> {
    let name = source.module.join("/");
    let mut wrong = Vec::new();
    let lines: Vec<&str> = source.text.lines().collect();
    if lines.len() > FILE_LINES {
        wrong.push(format!("{name} has {} lines", lines.len()));
    }
    for (at, line) in lines.iter().enumerate() {
        let function = line.trim_start();
        if !function.split_once("fn ").is_some_and(|(before, _)| is_qualifiers(before)) {
            continue;
        }
        // rustfmt puts the closing brace under the first letter.
        let end = format!("{}}}", &line[..line.len() - function.len()]);
        let one_line = function.ends_with(['}', ';']);
        let length = lines[at..].iter().position(|line| *line == end).map_or(1, |to| to + 1);
        if !one_line && length > FUNCTION_LINES {
            wrong.push(format!("{name}: {function} has {length} lines"));
        }
    }
    wrong
}

/// Whether these words may stand before `fn`.
fn is_qualifiers(words: &str) -> bool {
    words.split_whitespace().all(|word| {
        matches!(word, "const" | "unsafe" | "extern" | "\"C\"")
            || word.starts_with("pub")
            || word.ends_with(')')
    })
}

fn sources(folder: &Path, root: &Path, into: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path: PathBuf = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, root, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("a file below src");
            let text = fs::read_to_string(&path).expect("a text");
            into.push(Source::new(name.to_str().expect("a name in UTF-8"), &text));
        }
    }
}

#[test]
fn the_sources_keep_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    sources(&root, &root, &mut all);
    assert!(all.len() > 20, "only {} files found", all.len());
    let rules = [wrong_uses, missing_forbid, too_long];
    let wrong: Vec<String> =
        all.iter().flat_map(|source| rules.map(|rule| rule(source))).flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_use_of_a_higher_layer_is_found() {
    let found = |path: &str, text: &str| wrong_uses(&Source::new(path, text));
    for text in [
        "use crate::tunnel::Tunnel;",
        "use crate::{checksum, tunnel::Tunnel};",
        "use crate::{\n    checksum::{self, Sum},\n    tunnel::Tunnel,\n};",
        "use super::super::tunnel::Tunnel;",
        "fn f(tunnel: &crate::tunnel::Tunnel) {}",
        "mod tests {\n    use super::super::super::tunnel;\n}",
    ] {
        assert_eq!(found("wire/udp.rs", text), ["wire/udp uses tunnel"], "{text}");
    }
    assert_eq!(found("buf.rs", "use super::tunnel::Tunnel;"), ["buf uses tunnel"]);
    assert_eq!(found("utils.rs", ""), ["utils: no layer of that name"]);
}

#[test]
fn what_is_allowed_is_not_found() {
    for (path, text) in [
        ("wire/udp.rs", "use crate::checksum::{self, Sum};\nuse super::tunnel;"),
        ("wire/udp.rs", "//! See [`tunnel`](crate::tunnel)."),
        ("wire/udp.rs", "mod tests {\n    use super::super::tunnel;\n}"),
        ("tunnel/mod.rs", "use crate::{buf::{FrameBuf, wire}, verdict};"),
        ("manual/wire.rs", "use crate::batch;"),
        ("lib.rs", "pub use crate::batch::encap_batch;"),
    ] {
        assert_eq!(wrong_uses(&Source::new(path, text)), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn a_root_that_allows_unsafe_code_is_found() {
    let found = |path: &str, text: &str| missing_forbid(&Source::new(path, text)).len();
    assert_eq!(found("wire/mod.rs", "mod udp;"), 1);
    assert_eq!(found("buf.rs", "#![deny(unsafe_code)]"), 1);
    assert_eq!(found("wire/mod.rs", "#![forbid(unsafe_code)]"), 0);
    assert_eq!(found("wire/udp.rs", "") + found("arch/mod.rs", "") + found("lib.rs", ""), 0);
}

#[test]
fn a_long_function_and_a_long_file_are_found() {
    let function = |lines: usize| {
        let body = "        call();\n".repeat(lines - 2);
        Source::new("buf.rs", &format!("impl A {{\n    pub const fn f() {{\n{body}    }}\n}}\n"))
    };
    assert!(too_long(&function(FUNCTION_LINES)).is_empty());
    assert_eq!(too_long(&function(FUNCTION_LINES + 1)).len(), 1);
    assert_eq!(too_long(&Source::new("buf.rs", &"\n".repeat(FILE_LINES + 1))).len(), 1);
}
