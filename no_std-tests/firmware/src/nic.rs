//! The NIC, and its interrupt: SysTick here, which plays the wire too.
//!
//! The underlay brings what a node of flannel received, then packets that are spoiled on purpose. What is sent to the
//! overlay comes back from there, as if a bridge had it forwarded, and is compared with the capture when it is sent to
//! the underlay.

use core::cell::RefCell;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::{Peripherals, singleton};
use cortex_m_rt::exception;
use critical_section::Mutex;
use heapless::Vec;
use heapless::spsc::{Consumer, Producer, Queue};
use vtep::buf::FrameBuf;

use crate::{Packet, Port};

/// Bytes of a buffer: headroom, and the longest frame of the underlay.
const BUFFER: usize = HEADROOM + 1536;
/// Where a frame is received to: room for the outer headers, in the cache line before it.
const HEADROOM: usize = 128;
const BUFFERS: usize = 6;
/// A ring has a place less than it says.
const RING: usize = BUFFERS + 1;

/// What 1,000 ticks a second take, at 25 MHz.
const TICK: u32 = 25_000 - 1;

/// 35 packets between two nodes.
static CAPTURE: &[u8] = include_bytes!("../../../tests/data/captures/real_flanneld_vxlan.pcap");
/// What is written into copies of the first of them, and where, so that they are refused: another EtherType, the wrong
/// header checksum, no I flag, VNI 2, an inner MAC address that nobody has.
const SPOILED: [&[(usize, u8)]; 5] = [
    &[(13, 6)],
    &[(24, 0)],
    &[(42, 0), (40, 0), (41, 0)],
    &[(48, 2), (40, 0), (41, 0)],
    &[(50, 2), (40, 0), (41, 0)],
];

static NIC: Mutex<RefCell<Option<Nic>>> = Mutex::new(RefCell::new(None));

/// The interrupt's ends of a port's rings.
struct Wire {
    received: Producer<'static, Packet>,
    to_send: Consumer<'static, Packet>,
}

struct Nic {
    underlay: Wire,
    overlay: Wire,
    spent: Consumer<'static, &'static mut [u8]>,
    free: Vec<&'static mut [u8], BUFFERS>,
    brought: usize,
    report: Report,
}

/// What went out to the underlay.
#[derive(Clone, Copy)]
pub struct Report {
    pub sent: usize,
    /// Of them those that are not what the capture has.
    pub wrong: usize,
}

/// The loop's ends of the rings. Once.
pub fn start() -> Option<(Port, Port, Producer<'static, &'static mut [u8]>)> {
    let memory = singleton!(: [[u8; BUFFER]; BUFFERS] = [[0; BUFFER]; BUFFERS])?;
    let free = memory.iter_mut().map(<[u8; BUFFER]>::as_mut_slice).collect();
    let (from_underlay, underlay_in) = singleton!(: Queue<Packet, RING> = Queue::new())?.split();
    let (underlay_out, to_underlay) = singleton!(: Queue<Packet, RING> = Queue::new())?.split();
    let (from_overlay, overlay_in) = singleton!(: Queue<Packet, RING> = Queue::new())?.split();
    let (overlay_out, to_overlay) = singleton!(: Queue<Packet, RING> = Queue::new())?.split();
    let (spent_in, spent) = singleton!(: Queue<&'static mut [u8], RING> = Queue::new())?.split();
    let nic = Nic {
        underlay: Wire { received: from_underlay, to_send: to_underlay },
        overlay: Wire { received: from_overlay, to_send: to_overlay },
        spent,
        free,
        brought: 0,
        report: Report { sent: 0, wrong: 0 },
    };
    critical_section::with(|section| NIC.borrow(section).replace(Some(nic)));
    let mut timer = Peripherals::take()?.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(TICK);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
    let underlay = Port { received: underlay_in, to_send: underlay_out };
    Some((underlay, Port { received: overlay_in, to_send: overlay_out }, spent_in))
}

/// What became of everything, when it has all been brought and every buffer is back.
pub fn report() -> Option<Report> {
    critical_section::with(|section| {
        let nic = NIC.borrow_ref(section);
        nic.as_ref().filter(|nic| nic.is_idle()).map(|nic| nic.report)
    })
}

#[exception]
fn SysTick() {
    critical_section::with(|section| {
        if let Some(nic) = NIC.borrow_ref_mut(section).as_mut() {
            nic.interrupt();
        }
    });
}

impl Nic {
    fn interrupt(&mut self) {
        while let Some(buffer) = self.spent.dequeue() {
            self.give_back(buffer);
        }
        while let Some(frame) = self.overlay.to_send.dequeue() {
            let _ = self.overlay.received.enqueue(frame);
        }
        while let Some(frame) = self.underlay.to_send.dequeue() {
            let expected = captured(self.report.sent);
            self.report.sent += 1;
            let is_right = expected.is_some_and(|expected| is_same(frame.bytes(), expected));
            self.report.wrong += usize::from(!is_right);
            self.give_back(frame.into_buffer());
        }
        // Two a tick, where there is room for them: what has none waits on the wire.
        for _ in 0..2 {
            self.bring();
        }
    }

    fn give_back(&mut self, buffer: &'static mut [u8]) {
        let _ = self.free.push(buffer);
    }

    /// Receives the next packet, as DMA would: behind the headroom of a free buffer.
    fn bring(&mut self) {
        let Some((bytes, spoiled)) = to_bring(self.brought) else { return };
        let Some(buffer) = self.free.pop() else { return };
        let Ok(mut frame) = Packet::new(buffer, HEADROOM..HEADROOM + bytes.len()) else { return };
        self.brought += 1;
        frame.bytes_mut().iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        for (at, value) in spoiled {
            if let Some(byte) = frame.bytes_mut().get_mut(*at) {
                *byte = *value;
            }
        }
        let _ = self.underlay.received.enqueue(frame);
    }

    fn is_idle(&self) -> bool {
        to_bring(self.brought).is_none() && self.free.is_full()
    }
}

/// A packet of the underlay, and what is spoiled in it.
fn to_bring(number: usize) -> Option<(&'static [u8], &'static [(usize, u8)])> {
    let packets = core::iter::successors(Some(0), |number| Some(number + 1));
    let count = packets.take_while(|number| captured(*number).is_some()).count();
    match number.checked_sub(count) {
        None => Some((captured(number)?, &[])),
        Some(number) => Some((captured(0)?, SPOILED.get(number)?)),
    }
}

/// A packet of the capture: each is behind four words, of which the third is its length.
fn captured(number: usize) -> Option<&'static [u8]> {
    let mut rest = CAPTURE.get(24..)?;
    for _ in 0..number {
        rest = record(rest)?.1;
    }
    Some(record(rest)?.0)
}

fn record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(16)?;
    rest.split_at_checked(u32::from_le_bytes(*header.get(8..)?.first_chunk()?) as usize)
}

/// Whether a packet is as it was but for what a tunnel chooses for itself: the IP ID, the source port, and their sums.
fn is_same(sent: &[u8], captured: &[u8]) -> bool {
    let parts = [0..18, 20..24, 26..34, 36..40, 42..captured.len()];
    sent.len() == captured.len()
        && parts.into_iter().all(|part| sent.get(part.clone()) == captured.get(part))
}
