//! The body, run on the board: every check that fails is told, and their number decides the exit status.
#![no_std]
#![no_main]

board::panic_exit!();
board::main!(boot);

fn boot() -> i32 {
    let (mut checks, mut failed) = (0_u32, 0_u32);
    let mut report = |name: &str, passed: bool| {
        checks += 1;
        if !passed {
            failed += 1;
            board::println!("FAILED: {name}");
        }
    };
    body::run(&mut report);
    body::show(&mut report);
    board::println!("{checks} checks, {failed} failed");
    i32::from(failed != 0 || checks == 0)
}
