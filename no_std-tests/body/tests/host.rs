//! The body on the host.

#[test]
fn passes_here_too() {
    let mut failed = Vec::new();
    let mut report = |name: &str, passed: bool| {
        if !passed {
            failed.push(name.to_owned());
        }
    };
    body::run(&mut report);
    body::show(&mut report);
    assert!(failed.is_empty(), "{failed:#?}");
}
