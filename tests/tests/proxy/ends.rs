//! How connections end.

use std::time::Duration;

use socket2::SockRef;
use tests::proxy::{Direction, Mode};

use crate::wire::{Ended, Net, bytes};

#[test]
fn a_cut_is_a_fin_for_both_and_final() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    // Bytes that nobody has read make a careless close a reset.
    net.proxy.set(Direction::Both, Mode::Hold);
    client.send(&bytes(1_000));
    broker.send(&bytes(1_000));
    net.proxy.cut();
    assert_eq!(net.client().rest(), (Vec::new(), Ended::Fin), "a new one is cut too");
    net.proxy.heal();
    client.assert_ends(Ended::Fin);
    broker.assert_ends(Ended::Fin);
    net.assert_passes();
}

#[test]
fn what_has_passed_arrives_before_a_cut() {
    let net = Net::new();
    let (mut client, broker) = net.connect();
    client.send(b"abc");
    let mut peeked = [0; 3];
    while broker.0.peek(&mut peeked).unwrap() < 3 {}
    net.proxy.cut();
    client.send(b"def");
    let mut broker = broker;
    assert_eq!(broker.rest(), (b"abc".to_vec(), Ended::Fin));
}

#[test]
fn a_reset_is_one_for_both() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    net.proxy.reset();
    client.assert_ends(Ended::Reset);
    broker.assert_ends(Ended::Reset);
    net.client().assert_ends(Ended::Reset);
    net.proxy.heal();
    net.assert_passes();
}

#[test]
fn a_reset_of_a_peer_is_one_for_the_other() {
    let net = Net::new();
    let (client, mut broker) = net.connect();
    SockRef::from(&client.0).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    broker.assert_ends(Ended::Reset);

    let (mut client, broker) = net.connect();
    SockRef::from(&broker.0).set_linger(Some(Duration::ZERO)).unwrap();
    drop(broker);
    client.assert_ends(Ended::Reset);
}

#[test]
fn an_orphan_lives_on_at_the_broker() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    net.proxy.orphan();
    client.assert_ends(Ended::Fin);
    drop(client);
    broker.send(&bytes(100_000));
    broker.assert_silent();
    net.proxy.heal();
    broker.assert_ends(Ended::Fin);

    // A broker that gives up first is let go.
    let (mut client, broker) = net.connect();
    net.proxy.orphan();
    client.assert_ends(Ended::Fin);
    assert_eq!(net.proxy.connections_open(), 1);
    drop(broker);
    while net.proxy.connections_open() > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nothing_is_left_when_the_proxy_is_gone() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    net.proxy.set(Direction::Both, Mode::Hold);
    let again = net.proxy.clone();
    drop(net.proxy);
    client.assert_silent();
    drop(again);
    assert_eq!((client.rest(), broker.rest()), ((Vec::new(), Ended::Fin), (Vec::new(), Ended::Fin)));
}
