//! Frames that the broker never sent.

use tests::proxy::{Direction, Frame, Mode};

use crate::wire::{Ended, Net};

/// `connection.unblocked`.
const UNBLOCKED: &[u8] = b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x3d\xce";

fn body(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[3, 0, 1][..], &length, payload, &[0xce]].concat()
}

#[test]
fn a_frame_is_put_between_two_frames() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    let (first, second) = (body(b"first"), body(b"second"));
    let (start, end) = first.split_at(9);
    broker.send(start);
    client.assert_gets(start);
    net.proxy.inject(&Frame::unblocked());
    client.assert_silent();
    broker.send(&[end, &second].concat());
    client.assert_gets(&[end, UNBLOCKED, &second].concat());
    // Between two frames it goes at once.
    net.proxy.inject(&Frame::unblocked());
    client.assert_gets(UNBLOCKED);
    // The other direction is none of its business.
    client.send(&first);
    broker.assert_gets(&first);
}

#[test]
fn a_frame_goes_only_to_who_is_connected() {
    let net = Net::new();
    let (mut client, _broker) = net.connect();
    net.proxy.inject(&Frame::unblocked());
    client.assert_gets(UNBLOCKED);
    let (mut other, mut other_end) = net.connect();
    other_end.send(&body(b"x"));
    other.assert_gets(&body(b"x"));
}

#[test]
fn a_frame_waits_in_a_black_hole() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    net.proxy.set(Direction::Downstream, Mode::Hold);
    net.proxy.inject(&Frame::unblocked());
    broker.send(&body(b"x"));
    client.assert_silent();
    net.proxy.heal();
    client.assert_gets(&[UNBLOCKED, &body(b"x")].concat());
}

#[test]
fn a_frame_is_not_counted_and_not_damaged() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    net.proxy.set(Direction::Downstream, Mode::FlipAt { offset: 8, bit: 0 });
    net.proxy.inject(&Frame::unblocked());
    client.assert_gets(UNBLOCKED);
    broker.send(&body(b"aa"));
    client.assert_gets(&body(b"a`"));
    net.proxy.set(Direction::Downstream, Mode::CutAfter(11));
    net.proxy.inject(&Frame::unblocked());
    client.assert_gets(UNBLOCKED);
    broker.send(&body(b""));
    assert_eq!(client.rest(), (vec![3], Ended::Fin));
}

#[test]
fn frames_go_in_pieces_too() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    net.proxy.set(Direction::Downstream, Mode::Slice(1));
    net.proxy.inject(&Frame::unblocked());
    net.proxy.inject(&Frame::unblocked());
    client.assert_gets(&[UNBLOCKED, UNBLOCKED].concat());
    broker.send(&body(b"x"));
    client.assert_gets(&body(b"x"));
}
