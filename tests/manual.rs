//! The manual's tables name tests. They exist.

use std::fs;
use std::path::Path;

/// The text of all Rust files below a directory.
fn sources(directory: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(&path).unwrap();
        }
    }
    text
}

/// The test that the last cell of a table's row names.
fn test_of(row: &str) -> &str {
    let cell = row.trim_end_matches('|').rsplit('|').next().unwrap().trim();
    cell.strip_prefix('`')
        .and_then(|cell| cell.strip_suffix('`'))
        .unwrap_or_else(|| panic!("{row}"))
}

#[test]
fn the_faults_of_flannel_have_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code = [root.join("src"), root.join("tests")].map(|directory| sources(&directory)).concat();
    let chapter = fs::read_to_string(root.join("src/manual/flannel.rs")).unwrap();
    let (_, faults) = chapter.split_once("# flannel's faults").unwrap();
    let rows = faults.lines().filter_map(|line| line.strip_prefix("//! | ")).skip(1);
    let tests: Vec<&str> = rows.map(test_of).collect();
    assert!(tests.len() > 20, "{tests:?}");
    for test in tests {
        let is_there = code.match_indices(&format!("fn {test}()")).any(|(at, _)| {
            let before = code[..at].trim_end();
            before.ends_with("#[test]")
        });
        assert!(is_there, "{test}");
    }
}
