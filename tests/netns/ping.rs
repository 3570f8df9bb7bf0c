//! ICMP echo from inside a network namespace.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use vtep::checksum::Sum;

const TRIES: u8 = 2;
const PATIENCE: Duration = Duration::from_millis(700);

/// Whether one of a few echo requests from that namespace is answered. A thread of its own enters it.
pub fn answered(namespace: &str, to: IpAddr) -> bool {
    let path = format!("/run/netns/{namespace}");
    thread::spawn(move || {
        let namespace = File::open(path).expect("namespace");
        // SAFETY: plain system call on a descriptor that is open.
        let entered = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
        assert_eq!(entered, 0, "setns: {}", std::io::Error::last_os_error());
        (0..TRIES).any(|seq| echo(to, seq).unwrap_or(false))
    })
    .join()
    .expect("ping")
}

fn echo(to: IpAddr, seq: u8) -> std::io::Result<bool> {
    let (domain, protocol, request, reply) = match to {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, 8, 0),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, 128, 129),
    };
    let mut socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    socket.connect(&SocketAddr::new(to, 0).into())?;
    let mut message = [request, 0, 0, 0, 0x76, 0x74, 0, seq];
    // over IPv6 the kernel fills it
    let sum = Sum::of(&message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    socket.send(&message)?;
    let end = Instant::now() + PATIENCE;
    let mut buffer = [0; 256];
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    {
        socket.set_read_timeout(Some(left))?;
        let length = socket.read(&mut buffer)?;
        let icmp = if to.is_ipv4() { &buffer[20..length] } else { &buffer[..length] };
        if icmp.len() >= 8 && icmp[0] == reply && icmp[4..8] == message[4..8] {
            return Ok(true);
        }
    }
    Ok(false)
}
