//! What happens to the bytes of a direction.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tests::proxy::{Direction, Mode};

use crate::wire::{Ended, Net, bytes};

#[test]
fn everything_passes_and_the_end_too() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    let all = bytes(5_000_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            client.send(&all);
            client.0.shutdown(Shutdown::Write).unwrap();
        });
        assert!(broker.rest() == (all.clone(), Ended::Fin));
    });
    // The other direction is still open.
    broker.send(b"bye");
    drop(broker);
    assert_eq!(client.rest(), (b"bye".to_vec(), Ended::Fin));
}

/// A test that blocks its only thread does not stop the proxy.
#[tokio::test]
async fn a_blocked_runtime_does_not_matter() {
    Net::new().assert_passes();
}

#[test]
fn one_direction_is_held_and_goes_on_afterwards() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    net.proxy.set(Direction::Upstream, Mode::Hold);
    client.send(b"one");
    broker.assert_silent();
    broker.send(b"two");
    client.assert_gets(b"two");

    net.proxy.set(Direction::Both, Mode::Hold);
    broker.send(b"three");
    client.assert_silent();
    net.proxy.heal();
    broker.assert_gets(b"one");
    client.assert_gets(b"three");
}

#[test]
fn a_black_hole_hides_that_a_peer_is_gone_and_swallows_new_connections() {
    let net = Net::new();
    let [(client, mut broker), (lost, mut lost_end)] = [net.connect(), net.connect()];
    net.proxy.set(Direction::Both, Mode::Hold);
    drop(client);
    SockRef::from(&lost.0).set_linger(Some(Duration::ZERO)).unwrap();
    drop(lost);
    broker.assert_silent();
    lost_end.assert_silent();
    let (mut other, mut other_end) = net.connect();
    other.send(b"x");
    other_end.assert_silent();

    net.proxy.heal();
    broker.assert_ends(Ended::Fin);
    lost_end.assert_ends(Ended::Reset);
    other_end.assert_gets(b"x");
}

#[test]
fn who_sends_into_a_black_hole_is_stopped_and_nothing_is_lost() {
    let net = Net::new();
    let (client, mut broker) = net.connect();
    net.proxy.set(Direction::Upstream, Mode::Hold);
    let all = bytes(16 * 1024 * 1024);
    client.0.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut sent = 0;
    let error = loop {
        match (&client.0).write(&all[sent..]) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    // The rest is in the buffer of the client's own socket.
    assert!(sent < 8 * 1024 * 1024, "{sent} bytes went nowhere");
    net.proxy.heal();
    assert!(broker.get(sent) == all[..sent]);
}

#[test]
fn bytes_are_late_and_in_order() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    let (delay, jitter) = (Duration::from_millis(200), Duration::from_millis(100));
    net.proxy.set(Direction::Upstream, Mode::Delay { delay, jitter });
    let (sender, sent) = std::sync::mpsc::channel();
    let waits: Vec<_> = std::thread::scope(|scope| {
        scope.spawn(move || {
            for byte in 0..100 {
                sender.send(Instant::now()).unwrap();
                client.send(&[byte]);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let arrived = (0..100).map(|byte| {
            broker.assert_gets(&[byte]);
            Instant::now()
        });
        arrived.zip(&sent).map(|(arrived, sent)| arrived - sent).collect()
    });
    assert!(waits.iter().all(|wait| *wait >= delay - jitter), "{waits:?}");
    // They wait together: a hundred waits one after the other take 20 s.
    assert!(waits[99] < Duration::from_secs(5), "{waits:?}");

    // What waits does so no longer when the delay ends.
    let (mut client, mut broker) = net.connect();
    net.proxy.set(Direction::Upstream, Mode::Delay { delay: Duration::from_secs(3_600), jitter });
    client.send(b"x");
    broker.assert_silent();
    net.proxy.heal();
    broker.assert_gets(b"x");
}

#[test]
fn no_more_bytes_pass_than_the_rate_allows() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    net.proxy.set(Direction::Downstream, Mode::Rate(100_000));
    let all = bytes(100_000);
    let start = Instant::now();
    broker.send(&all);
    assert!(client.get(all.len()) == all);
    let time = start.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(3)).contains(&time), "{time:?}");
}

#[test]
fn bytes_come_in_pieces() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    let all = bytes(100_000);
    let mut reads = |mode| {
        net.proxy.set(Direction::Upstream, mode);
        client.send(&all);
        let (mut got, mut reads) = (Vec::new(), 0);
        while got.len() < all.len() {
            let mut buffer = [0; 65_536];
            let count = broker.0.read(&mut buffer).unwrap();
            got.extend_from_slice(&buffer[..count]);
            reads += 1;
        }
        assert!(got == all);
        reads
    };
    // The kernel may put some together again.
    let (whole, sliced) = (reads(Mode::Pass), reads(Mode::Slice(1)));
    assert!(whole < 30 && sliced > 60, "{whole} and {sliced} reads");
}

#[test]
fn exactly_so_many_bytes_pass_and_then_both_see_the_end() {
    let net = Net::new();
    for direction in [Direction::Upstream, Direction::Downstream] {
        for count in [0, 1, 2, 7, 99, 100] {
            net.proxy.heal();
            net.proxy.set(direction, Mode::CutAfter(count));
            let (client, broker) = net.connect();
            let (mut from, mut to) =
                if direction == Direction::Upstream { (client, broker) } else { (broker, client) };
            // It fails when the connection has ended already.
            let _ = from.0.write_all(&bytes(100));
            let expected = bytes(usize::try_from(count).unwrap());
            assert_eq!(to.rest(), (expected, Ended::Fin), "{count} {direction:?}");
            from.assert_ends(Ended::Fin);
        }
    }
}

#[test]
fn bytes_count_from_the_start_of_their_connection() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    client.send(b"abc");
    broker.assert_gets(b"abc");
    net.proxy.set(Direction::Upstream, Mode::CutAfter(5));
    client.send(b"defg");
    assert_eq!(broker.rest(), (b"de".to_vec(), Ended::Fin));
    client.assert_ends(Ended::Fin);
}

#[test]
fn one_bit_is_flipped() {
    let net = Net::new();
    let (mut client, mut broker) = net.connect();
    net.proxy.set(Direction::Upstream, Mode::FlipAt { offset: 4, bit: 1 });
    client.send(b"abc");
    broker.assert_gets(b"abc");
    client.send(b"defdef");
    broker.assert_gets(b"dgfdef");
    broker.send(b"abcdef");
    client.assert_gets(b"abcdef");
}

#[test]
fn a_bit_in_each_stretch_is_flipped_and_the_same_ones_again() {
    let net = Net::new();
    net.proxy.set(Direction::Downstream, Mode::FlipEvery { bytes: 100, seed: 7 });
    let passed = || {
        let (mut client, mut broker) = net.connect();
        let got: Vec<u8> = bytes(1_000)
            .chunks(33)
            .flat_map(|chunk| {
                broker.send(chunk);
                client.get(chunk.len())
            })
            .collect();
        got
    };
    let got = passed();
    let wrong = |(one, other): (&[u8], &[u8])| -> u32 {
        one.iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum()
    };
    let flips: Vec<_> = got.chunks(100).zip(bytes(1_000).chunks(100)).map(wrong).collect();
    assert_eq!(flips, [1; 10]);
    assert_eq!(got, passed());
}
