//! Two network namespaces joined by a veth pair: in one nothing but the pair's end, in the other a host
//! with Linux vxlan devices.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// The host's MAC address on the underlay.
pub const HOST_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x03];
/// The far end's MAC address on the underlay.
pub const PEER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
/// The host's address.
pub const HOST_V4: [u8; 4] = [192, 168, 50, 3];
/// The far end's address.
pub const PEER_V4: [u8; 4] = [192, 168, 50, 2];
/// The host's IPv6 address.
pub const HOST_V6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3];
/// The far end's IPv6 address.
pub const PEER_V6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
/// The MAC address of the vxlan device.
pub const DEVICE_MAC: [u8; 6] = [0x02, 0x42, 0x0a, 0x01, 0x12, 0x00];

/// The namespaces, which go when it is dropped.
pub struct Bed {
    peer: String,
    host: String,
}

/// What the device is called, in the host's namespace.
const DEVICE: &str = "vx0";

impl Bed {
    /// Makes a host with a vxlan device of VNI 1, of these `options`. Panics if it may not: a test that was
    /// asked for and did not run has failed.
    pub fn new(name: &str, options: &str) -> Self {
        let pid = std::process::id();
        let bed =
            Self { peer: format!("vtep-{pid}-{name}-p"), host: format!("vtep-{pid}-{name}-h") };
        for namespace in [&bed.peer, &bed.host] {
            ip(&format!("netns add {namespace}"));
        }
        bed.link();
        let device = format!("link add {DEVICE} type vxlan id 1 {options}");
        bed.on_host(&device);
        bed.on_host(&format!(
            "link set {DEVICE} address {} arp off addrgenmode none",
            mac(DEVICE_MAC)
        ));
        bed.quiet(&bed.host, DEVICE);
        bed.on_host(&format!("link set {DEVICE} mtu 1450 up"));
        bed
    }

    fn link(&self) {
        let Self { peer, host } = self;
        ip(&format!("-n {peer} link add u0 type veth peer name u0 netns {host}"));
        for (namespace, address) in [(peer, PEER_MAC), (host, HOST_MAC)] {
            ip(&format!("-n {namespace} link set u0 address {} mtu 9000", mac(address)));
            self.quiet(namespace, "u0");
            ip(&format!("-n {namespace} link set u0 addrgenmode none up"));
        }
        self.on_host("addr add 192.168.50.3/24 dev u0");
        self.on_host("addr add 2001:db8:50::3/64 dev u0 nodad");
        self.on_host(&format!(
            "neigh add 192.168.50.2 lladdr {} dev u0 nud permanent",
            mac(PEER_MAC)
        ));
        self.on_host(&format!(
            "neigh add 2001:db8:50::2 lladdr {} dev u0 nud permanent",
            mac(PEER_MAC)
        ));
        // Without memory for reassembly every fragment is refused, as a packet library refuses it; a source
        // address of the host's own is not the tunnel's business.
        for (key, value) in [
            ("net/ipv4/ipfrag_low_thresh", "0"),
            ("net/ipv4/ipfrag_high_thresh", "0"),
            ("net/ipv6/ip6frag_low_thresh", "0"),
            ("net/ipv6/ip6frag_high_thresh", "0"),
            ("net/ipv4/conf/all/rp_filter", "0"),
            ("net/ipv4/conf/u0/rp_filter", "0"),
            ("net/ipv4/conf/u0/accept_local", "1"),
        ] {
            inside(&self.host, || std::fs::write(format!("/proc/sys/{key}"), value)).expect(key);
        }
    }

    /// Nothing that joins, splits or puts off: each frame passes as it is.
    fn quiet(&self, namespace: &str, device: &str) {
        const SET: [u32; 6] = [0x15, 0x17, 0x1f, 0x22, 0x24, 0x2c]; // ETHTOOL_S{RXCSUM,TXCSUM,TSO,UFO,GSO,GRO}
        inside(namespace, || SET.into_iter().for_each(|command| ethtool_off(device, command)));
    }

    /// `ip` in the host's namespace.
    pub fn on_host(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.host));
    }

    /// The peer's end of the underlay.
    pub fn underlay(&self) -> Tap {
        inside(&self.peer, || Tap::open("u0"))
    }

    /// The vxlan device.
    pub fn device(&self) -> Tap {
        self.tap(DEVICE)
    }

    /// A device in the host's namespace.
    pub fn tap(&self, device: &str) -> Tap {
        inside(&self.host, || Tap::open(device))
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for namespace in [&self.peer, &self.host] {
            let _ = Command::new("ip").args(["netns", "del", namespace]).output();
        }
    }
}

fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

fn ip(arguments: &str) -> Output {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().expect("ip");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs `work` on a thread in another network namespace.
fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("/run/netns/{namespace}")).expect(namespace);
    let enter = || {
        // SAFETY: plain system call on a descriptor that is open.
        let entered = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
        assert_eq!(entered, 0, "setns: {}", io::Error::last_os_error());
        work()
    };
    std::thread::scope(|scope| scope.spawn(enter).join().expect("the thread"))
}

/// An ethtool setting of `device` set to 0, if it has it.
fn ethtool_off(device: &str, command: u32) {
    const SIOCETHTOOL: libc::c_ulong = 0x8946;
    let mut value = [command, 0];
    // SAFETY: zero is a valid `ifreq`; the call reads it and the two words that it points to.
    unsafe {
        let socket = OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0));
        let mut request: libc::ifreq = zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(device.bytes()) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_data = value.as_mut_ptr().cast();
        libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &request);
    }
}

/// A packet socket on one device.
pub struct Tap(OwnedFd);

impl Tap {
    fn open(device: &str) -> Self {
        let protocol = (libc::ETH_P_ALL as u16).to_be();
        let name = CString::new(device).expect("a name");
        // SAFETY: plain system calls; zero is a valid `sockaddr_ll`.
        unsafe {
            let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
            assert!(fd >= 0, "packet socket: {}", io::Error::last_os_error());
            let tap = Self(OwnedFd::from_raw_fd(fd));
            let mut address: libc::sockaddr_ll = zeroed();
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_protocol = protocol;
            address.sll_ifindex = libc::if_nametoindex(name.as_ptr()) as i32;
            tap.option(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, 64 << 20);
            tap.option(libc::SOL_PACKET, libc::PACKET_AUXDATA, 1);
            tap.option(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1);
            let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            let bound = libc::bind(fd, (&raw const address).cast(), length);
            assert_eq!(bound, 0, "bind {device}: {}", io::Error::last_os_error());
            tap
        }
    }

    /// Sets the firewall mark of what is sent.
    pub fn mark(&self, mark: u32) {
        self.option(libc::SOL_SOCKET, libc::SO_MARK, mark as i32);
    }

    fn option(&self, level: i32, name: i32, value: i32) {
        let length = size_of::<i32>() as libc::socklen_t;
        // SAFETY: the kernel reads four bytes of `value`.
        let set = unsafe {
            libc::setsockopt(self.0.as_raw_fd(), level, name, (&raw const value).cast(), length)
        };
        assert_eq!(set, 0, "option {name}: {}", io::Error::last_os_error());
    }

    /// Sends a frame: false where the device does not take it.
    pub fn send(&self, frame: &[u8]) -> bool {
        // SAFETY: the kernel reads `frame`.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        sent == frame.len() as isize
    }

    /// The next frame that arrives before `deadline`, with the VLAN tag that the kernel moved to metadata
    /// put back.
    pub fn receive(&self, deadline: Instant) -> Option<Vec<u8>> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let mut poll =
                libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one `pollfd`, as said.
            unsafe {
                libc::poll(&raw mut poll, 1, left.min(Duration::from_secs(1)).as_millis() as i32)
            };
        }
    }

    fn take(&self) -> Option<Vec<u8>> {
        let mut frame = vec![0; 65536];
        let mut control = [0_u64; 32];
        let mut part = libc::iovec { iov_base: frame.as_mut_ptr().cast(), iov_len: frame.len() };
        // SAFETY: zero is a valid `msghdr`; the buffers outlive the call and have the lengths that it says;
        // control messages are walked with the macros made for them.
        unsafe {
            let mut message: libc::msghdr = zeroed();
            message.msg_iov = &raw mut part;
            message.msg_iovlen = 1;
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = size_of_val(&control) as _;
            let length = libc::recvmsg(self.0.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT);
            frame.truncate(usize::try_from(length).ok()?);
            let first = libc::CMSG_FIRSTHDR(&raw const message);
            if !first.is_null() && (*first).cmsg_type == libc::PACKET_AUXDATA {
                let data: libc::tpacket_auxdata =
                    libc::CMSG_DATA(first).cast::<libc::tpacket_auxdata>().read_unaligned();
                if data.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
                    let tag =
                        [data.tp_vlan_tpid.to_be_bytes(), data.tp_vlan_tci.to_be_bytes()].concat();
                    frame.splice(12..12, tag);
                }
            }
        }
        Some(frame)
    }
}
