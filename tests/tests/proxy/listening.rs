//! Who may connect, and when somebody did.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use crate::wire::{Ended, Net};

#[test]
fn who_connects_is_refused_and_later_not() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    for _ in 0..3 {
        net.proxy.refuse();
        let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, net.proxy.port())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        // Who was there before stays.
        client.send(b"x");
        broker.assert_gets(b"x");
        net.proxy.heal();
        net.assert_passes();
    }
}

#[test]
fn who_connects_is_accepted_and_hears_nothing() {
    let net = Net::new();
    let (mut before, mut before_end) = net.connect();
    net.proxy.accept_silently();
    let mut client = net.client();
    client.send(b"hello");
    client.assert_silent();
    assert!(net.is_left_alone());
    before.send(b"x");
    before_end.assert_gets(b"x");
    net.proxy.heal();
    client.assert_ends(Ended::Reset);
    net.assert_passes();

    net.proxy.refuse();
    net.proxy.accept_silently();
    net.client().assert_silent();
}

#[test]
fn who_connects_while_the_broker_is_away_is_reset() {
    let Net { proxy, broker } = Net::new();
    drop(broker);
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    let error = std::io::Read::read(&mut client, &mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn connections_are_counted_when_they_are_accepted() {
    let net = Net::new();
    let start = Instant::now();
    let second = Duration::from_secs(1);
    assert_eq!((net.proxy.connections_accepted().len(), net.proxy.most_accepted_within(second)), (0, 0));
    let _open: Vec<_> = (0..3).map(|_| net.connect()).collect();
    std::thread::sleep(Duration::from_millis(200));
    drop(net.connect());
    net.proxy.accept_silently();
    let _silent = net.client();
    // It is in the kernel's queue first.
    while net.proxy.connections_accepted().len() < 5 {
        assert!(start.elapsed() < 10 * second, "{:?}", net.proxy.connections_accepted());
    }
    let times = net.proxy.connections_accepted();
    assert!(times.is_sorted() && times[0] >= start && times[4] <= Instant::now());
    assert_eq!(net.proxy.most_accepted_within(10 * second), 5);
    assert_eq!(net.proxy.most_accepted_within(Duration::from_millis(150)), 3, "{times:?}");
}
