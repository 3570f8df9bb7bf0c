//! The body, linked so that a panic that can be reached is a link error.
#![no_std]
#![no_main]

board::panic_never!();
board::main!(gate);

fn gate() -> i32 {
    let mut failed = false;
    body::run(&mut |_, passed| failed |= !passed);
    #[cfg(feature = "planted")]
    {
        failed |= vtep::wire::Vni::new(core::hint::black_box(1)).unwrap().value() != 1;
    }
    i32::from(failed)
}
