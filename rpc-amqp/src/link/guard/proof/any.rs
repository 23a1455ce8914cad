//! The same for messages of chance.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{deliver, frame, get_ok, header, is_harmless, long, passed, returned, short};
use crate::link::guard::start::{BODY, HEARTBEAT};

/// Text that is valid more often than not.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-zé€𝄞]{0,12}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => prop::collection::vec(any::<u8>(), 200..256),
    ]
}

/// A value with its type.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(b"V".to_vec()),
        any::<u8>().prop_map(|octet| vec![b't', octet]),
        any::<[u8; 2]>().prop_map(|octets| [b"s", &octets[..]].concat()),
        any::<[u8; 4]>().prop_map(|octets| [b"f", &octets[..]].concat()),
        any::<[u8; 5]>().prop_map(|octets| [b"D", &octets[..]].concat()),
        any::<[u8; 8]>().prop_map(|octets| [b"T", &octets[..]].concat()),
        text().prop_map(|text| [&b"S"[..], &long(&text)].concat()),
        text().prop_map(|text| [&b"x"[..], &long(&text)].concat()),
    ];
    leaf.prop_recursive(24, 40, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|values| [
                &b"A"[..],
                &long(&values.concat())
            ]
            .concat()),
            entries(inner).prop_map(|entries| [&b"F"[..], &long(&entries)].concat()),
        ]
    })
}

fn entries(value: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((text(), value), 0..3).prop_map(|entries| {
        entries.into_iter().flat_map(|(name, value)| [short(&name), value].concat()).collect()
    })
}

/// A content header with any properties.
fn any_header() -> impl Strategy<Value = Vec<u8>> {
    let texts = prop::collection::vec(text(), 14);
    (any::<u16>(), texts, entries(value())).prop_map(|(flags, texts, entries)| {
        let property = |index: usize| match index {
            2 => long(&entries),
            3 | 4 => vec![1],
            9 => vec![9; 8],
            _ => short(&texts[index]),
        };
        let properties = (0..14).filter(|index| flags & 1 << (15 - index) != 0).flat_map(property);
        header(flags, &properties.collect::<Vec<_>>())
    })
}

/// A message of a stranger, with its body and a heartbeat.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let begin = (0..3_usize, text(), text(), text()).prop_map(|(kind, consumer, exchange, key)| {
        [deliver, returned, get_ok][kind]([&consumer, &exchange, &key])
    });
    (begin, any_header(), prop::collection::vec(any::<u8>(), 0..9))
        .prop_map(|(begin, header, body)| [begin, header, frame(BODY, &body), frame(HEARTBEAT, b"")].concat())
}

/// A content header of a length between these in which anything can stand.
fn chaos() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![any::<u8>(), prop::sample::select(&b"FAFASxtsV\x00\x00\x00\x01\x02\x05"[..])];
    (any::<u16>(), prop::collection::vec(octet, 0..400)).prop_map(|(flags, octets)| header(flags, &octets))
}

/// A content header with some octets of its properties overwritten.
fn spoilt() -> impl Strategy<Value = Vec<u8>> {
    let wrong = prop::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    (any_header(), wrong).prop_map(|(mut header, wrong)| {
        // Behind the start of the frame, class, weight and size of the body, and before the end.
        let (first, last) = (7 + 12, header.len() - 1);
        for (index, octet) in wrong {
            header[first + index.index(last - first)] = octet;
        }
        header
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// And if the library could read it before, without going too deep, it is what it was.
    #[test]
    fn the_library_reads_every_message(message in message(), size in 1..50_usize) {
        let (output, _) = passed(&message, &[size]);
        prop_assert!(is_harmless(&output));
        prop_assert_eq!(is_harmless(&message), message == output);
    }

    #[test]
    fn the_library_reads_every_spoilt_header(
        header in prop_oneof![spoilt(), chaos()], sizes in prop::collection::vec(1..60_usize, 1..6)
    ) {
        let input = [deliver([b"", b"", b""]), header].concat();
        let (output, is_marked) = passed(&input, &sizes);
        prop_assert!(is_harmless(&output));
        prop_assert_eq!(is_harmless(&input), input == output);
        prop_assert_eq!(is_marked, input != output);
        prop_assert_eq!(output, passed(&input, &[usize::MAX]).0);
    }

    #[test]
    fn nothing_panics_and_splits_do_not_matter(
        octets in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            (message(), prop::collection::vec((any::<Index>(), any::<u8>()), 1..6)).prop_map(
                |(mut message, wrong)| {
                    wrong.into_iter().for_each(|(index, octet)| *index.get_mut(&mut message) = octet);
                    message
                }
            ),
        ],
        sizes in prop::collection::vec(1..60_usize, 1..6),
    ) {
        let whole = passed(&octets, &[usize::MAX]);
        prop_assert_eq!(&passed(&octets, &[1]), &whole);
        prop_assert_eq!(&passed(&octets, &sizes), &whole);
        prop_assert!(whole.0.len() <= octets.len());
    }
}
