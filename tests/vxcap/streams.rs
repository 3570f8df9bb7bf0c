//! `-` is standard input and standard output.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::build::{Ng, pcap, records};
use crate::encap::OVER_IPV4;
use crate::files::{assert_fault, capture, show, write};
use crate::{Answer, PROGRAM, common, scratch};

fn start(directory: &Path, args: &[&str]) -> Child {
    let mut command = common::program(&PROGRAM);
    command.args(args).current_dir(directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("vxcap runs")
}

/// Runs `vxcap` on `input`, and returns what it wrote beside what it said.
fn pipe(directory: &Path, args: &[&str], input: &[u8]) -> (Vec<u8>, Answer) {
    let mut child = start(directory, args);
    let mut stdin = child.stdin.take().expect("a pipe");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("an end")
    });
    let stderr = String::from_utf8(output.stderr).expect("text");
    let status = output.status.code().expect("an exit status");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.stdout, Answer { status, stdout, stderr })
}

#[test]
fn every_command_reads_standard_input_and_writes_standard_output() {
    let directory = scratch("streams");
    let bytes = pcap(u32::to_le_bytes, false, 1, &capture());
    let input = write(&directory, "in.pcap", &bytes);
    let (_, answer) = pipe(&directory, &["show", "-", "--json"], &bytes);
    assert_eq!((answer.status, answer.stdout), (0, show(&input).stdout));
    let (_, answer) = pipe(&directory, &["roundtrip", "-"], &bytes);
    assert_eq!(answer.stdout, "35 packets, 35 identical, 0 refused\n");
    let counts = "35 packets, 35 written, 0 refused\n";
    let (inner, answer) = pipe(&directory, &["decap", "-", "-"], &bytes);
    assert_eq!((answer.status, answer.stderr.as_str()), (0, counts));
    let (named, answer) = pipe(&directory, &["decap", "-", "/dev/stdout"], &bytes);
    assert_eq!((named == inner, answer.stderr.as_str()), (true, counts));
    let encap = [&["encap", "-", "-"][..], &OVER_IPV4].concat();
    let (outer, answer) = pipe(&directory, &encap, &inner);
    assert_eq!((answer.status, answer.stderr.as_str()), (0, counts));
    let output = write(&directory, "out.pcap", &outer);
    for (ours, sent) in records(&output).iter().zip(capture()) {
        assert_eq!(ours.packet[50..], sent.packet[50..]);
    }
    assert_eq!(records(&output).len(), 35);
    assert!(!directory.join("-").exists());
}

#[test]
fn a_fault_of_standard_input_names_it() {
    let directory = scratch("stream_faults");
    let bytes = pcap(u32::to_le_bytes, false, 1, &capture());
    for (input, what) in [
        (&b""[..], "standard input: empty, not a capture"),
        (&[0x1f, 0x8b, 8, 0], "standard input: is compressed"),
        (b"not a capture, however long it is", "standard input: not a pcap or pcapng capture"),
        (&bytes[..bytes.len() - 1], "standard input: truncated within packet 35"),
    ] {
        let (_, answer) = pipe(&directory, &["show", "-"], input);
        assert_fault(&answer, what);
    }
    let other = pcap(u32::to_le_bytes, false, 147, &capture());
    let (_, answer) = pipe(&directory, &["show", "-"], &other);
    let line = "vxcap: standard input: 35 skipped (unsupported link type 147: 35)\n";
    assert_eq!((answer.status, answer.stderr.as_str()), (1, line));
}

#[test]
fn a_live_capture_is_answered_packet_by_packet() {
    let directory = scratch("live");
    let bytes = pcap(u32::to_le_bytes, false, 1, &capture()[..1]);
    for (args, answer_len) in [(&["show", "-"][..], 20), (&["decap", "-", "-"], 24 + 16 + 14)] {
        let mut child = start(&directory, args);
        let mut stdin = child.stdin.take().expect("a pipe");
        let mut stdout = child.stdout.take().expect("a pipe");
        stdin.write_all(&bytes).expect("vxcap reads");
        let (answer, answered) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut bytes = vec![0; answer_len];
            answer.send(stdout.read_exact(&mut bytes).is_ok()).expect("the test waits");
        });
        // The input is still open: what came must not wait for what may come.
        assert_eq!(answered.recv_timeout(Duration::from_secs(30)), Ok(true), "{args:?}");
        drop(stdin);
        reader.join().expect("no panic");
        child.wait().expect("an end");
    }
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let directory = scratch("broken_pipe");
    let packet = capture().remove(0).packet;
    let mut file = Ng::new(u32::to_le_bytes);
    file.interface(1, 0, &[]);
    // One packet is skipped, which then is not worth a word either.
    file.enhanced(1, &packet, packet.len(), &[]);
    for _ in 0..20_000 {
        file.enhanced(0, &packet, packet.len(), &[]);
    }
    write(&directory, "in.pcapng", &file.bytes);
    let encap = [&["encap", "in.pcapng", "-"][..], &OVER_IPV4].concat();
    for args in [&["show", "in.pcapng"][..], &["decap", "in.pcapng", "-"], &encap] {
        let mut child = start(&directory, args);
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let first = stdout.fill_buf().expect("some output").len();
        assert_ne!(first, 0);
        drop(stdout);
        let output = child.wait_with_output().expect("an end");
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{args:?}");
    }
}
