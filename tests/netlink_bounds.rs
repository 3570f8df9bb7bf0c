//! A netlink message as long and as deep as can be takes neither more stack nor more than its
//! length in time.

use std::fmt::Write;
use std::thread;

use vtep::agent::Record;
use vtep::netlink::{Attrs, Body, Dump, Messages};

/// The least that Linux has for a thread (PTHREAD_STACK_MIN): no function may need more, whatever
/// it is given.
const STACK: usize = 16 * 1024;

/// The attribute types that hold attributes, the message types that they are in, and the bytes of
/// the fixed part.
const NESTS: [(u16, u16, usize); 7] = [
    // RTM_NEWROUTE: RTA_METRICS, RTA_ENCAP; RTA_MULTIPATH as a nest of the flagged kind
    (8, 24, 12),
    (22, 24, 12),
    (9 | 0x8000, 24, 12),
    // RTM_NEWLINK: IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_AF_SPEC
    (18, 16, 16),
    (2, 16, 16),
    (26, 16, 16),
    // NLMSG_DONE, its extended acknowledgement
    (1, 3, 4),
];

fn attr(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap();
    [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat()
}

fn message(kind: u16, fixed: usize, attrs: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + fixed + attrs.len()).unwrap();
    let mut bytes = vec![0; 16 + fixed];
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    // NLM_F_MULTI and NLM_F_ACK_TLVS
    bytes[6..8].copy_from_slice(&0x202_u16.to_ne_bytes());
    if kind == 24 {
        bytes[16..24].copy_from_slice(&[2, 24, 0, 0, 254, 3, 0, 1]);
    }
    [&bytes, attrs].concat()
}

/// RTA_MULTIPATH in a next hop of RTA_MULTIPATH, so deep.
fn next_hops(depth: usize) -> Vec<u8> {
    let mut value = Vec::new();
    for _ in 0..depth {
        let length = u16::try_from(value.len() + 8).unwrap();
        let hop = [&length.to_ne_bytes()[..], &[0, 0], &1_u32.to_ne_bytes(), &value].concat();
        value = attr(9, &hop);
    }
    message(24, 12, &value)
}

/// Counts what it is given to write.
struct Counter(usize);

impl Write for Counter {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// Reads all that there is to read, and rebuilds it, in a thread that has no stack to spare.
fn is_read_on_a_small_stack(bytes: Vec<u8>) {
    let read = move || {
        let mut again = vec![0xaa; bytes.len()];
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        let body = message.body().unwrap();
        let mut shown = Counter(0);
        write!(shown, "{body:?}").unwrap();
        assert!(shown.0 > bytes.len(), "each byte is shown");
        assert_eq!(message.rebuild(&mut again), Ok(bytes.len()));
        assert!(again == bytes);
        let _ = (Record::from_body(body), body.trailing(), Dump::new(0).step(&message).is_ok());
        match body {
            Body::Route(route) => {
                let hops = route.next_hops().into_iter().flatten();
                let found = hops.filter(|hop| hop.gateway().is_some()).count();
                let _ = (found, route.gateway(), route.metrics().count(), route.destination());
            }
            Body::Link(link) => {
                let _ = (link.kind(), link.vxlan().count(), link.unreadable());
            }
            Body::Done(done) => assert_eq!(done.offset(), None),
            other => panic!("{other:?}"),
        }
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(read).unwrap();
    thread.join().unwrap();
}

#[test]
fn next_hops_within_next_hops_take_no_stack() {
    for depth in [1, 2, 300, 2_000, 5_460] {
        is_read_on_a_small_stack(next_hops(depth));
    }
    assert_eq!(next_hops(2).len(), 52);
    assert_eq!(next_hops(5_460).len(), 28 + 65_520);
}

#[test]
fn nests_within_nests_take_no_stack() {
    for (kind, message_kind, fixed) in NESTS {
        let mut value = Vec::new();
        while value.len() < 65_528 {
            value = attr(kind, &value);
        }
        assert_eq!(Attrs::new(&value).count(), 1);
        is_read_on_a_small_stack(message(message_kind, fixed, &value));
    }
}
