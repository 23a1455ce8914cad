//! Faults for one of a client's two connections.

use tests::proxy::{Direction, Frame, Mode, Proxy, Role};

use crate::wire::{Ended, Net, Socket};

/// The version, and as much of `connection.start-ok` as matters here.
fn start(name: &str) -> Vec<u8> {
    let length = u32::try_from(name.len()).unwrap().to_be_bytes();
    [b"AMQP\x00\x00\x09\x01", &[1, 0, 0][..], &length, name.as_bytes(), &[0xce]].concat()
}

/// A connection of a client that has said its name.
fn named(net: &Net, name: &str) -> (Socket, Socket) {
    let (mut client, mut broker) = net.connect();
    client.send(&start(name));
    broker.assert_gets(&start(name));
    (client, broker)
}

fn open(proxy: &Proxy) -> [usize; 3] {
    [proxy.clone(), proxy.only(Role::Publish), proxy.only(Role::Consume)].map(|it| it.connections_open())
}

#[test]
fn one_role_is_held_and_the_others_are_not() {
    let net = Net::new();
    let mut publisher = named(&net, "cell (publish)");
    let mut consumer = named(&net, "cell (consume)");
    let mut other = named(&net, "cell");
    assert_eq!(open(&net.proxy), [3, 1, 1]);

    net.proxy.only(Role::Consume).set(Direction::Both, Mode::Hold);
    for (client, broker) in [&mut publisher, &mut other] {
        client.send(b"x");
        broker.assert_gets(b"x");
    }
    consumer.0.send(b"x");
    consumer.1.assert_silent();
    net.proxy.only(Role::Publish).heal();
    consumer.1.assert_silent();
    net.proxy.only(Role::Consume).heal();
    consumer.1.assert_gets(b"x");
}

#[test]
fn a_new_connection_follows_the_rules_of_its_role_from_its_name_on() {
    let net = Net::new();
    net.proxy.only(Role::Publish).set(Direction::Upstream, Mode::Hold);
    let (mut client, mut broker) = net.connect();
    let bytes = start("cell (publish)");
    client.send(&bytes[..8]);
    broker.assert_gets(&bytes[..8]);
    broker.send(b"start");
    client.assert_gets(b"start");
    client.send(&bytes[8..]);
    broker.assert_silent();
    drop(named(&net, "cell (consume)"));
    net.proxy.heal();
    broker.assert_gets(&bytes[8..]);
}

#[test]
fn one_role_is_ended_again_and_again() {
    let net = Net::new();
    let mut publisher = named(&net, "cell (publish)");
    let mut consumer = named(&net, "cell (consume)");
    net.proxy.only(Role::Publish).reset();
    publisher.0.assert_ends(Ended::Reset);
    publisher.1.assert_ends(Ended::Reset);
    let (mut client, mut broker) = net.connect();
    client.send(&start("cell (publish)"));
    client.assert_ends(Ended::Reset);
    broker.assert_ends(Ended::Reset);
    assert_eq!(open(&net.proxy), [1, 0, 1]);
    consumer.0.send(b"x");
    consumer.1.assert_gets(b"x");
    net.proxy.heal();
    drop(named(&net, "cell (publish)"));
}

#[test]
fn a_frame_is_put_into_one_role() {
    let net = Net::new();
    let mut publisher = named(&net, "cell (publish)");
    let mut consumer = named(&net, "cell (consume)");
    net.proxy.only(Role::Consume).inject(&Frame::from_bytes(b"hello"));
    consumer.0.assert_gets(b"hello");
    publisher.0.assert_silent();
}

#[test]
#[should_panic(expected = "has no role yet")]
fn nobody_is_refused_by_role() {
    Net::new().proxy.only(Role::Publish).refuse();
}
