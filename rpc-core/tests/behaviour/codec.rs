//! What goes in comes out, in both content types.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rpc_core::{Client, Code, ContentType, Payload, Value, codec};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Shape {
    Unit,
    One(i64),
    Two(String, bool),
    Named { list: Vec<Option<u8>>, map: BTreeMap<String, f64> },
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Record {
    signed: i64,
    unsigned: u64,
    character: char,
    shapes: Vec<Shape>,
    nested: Option<Box<Self>>,
}

fn shape() -> impl Strategy<Value = Shape> {
    let finite = prop::num::f64::NORMAL | prop::num::f64::ZERO;
    prop_oneof![
        Just(Shape::Unit),
        any::<i64>().prop_map(Shape::One),
        any::<(String, bool)>().prop_map(|(text, flag)| Shape::Two(text, flag)),
        (prop::collection::vec(any::<Option<u8>>(), 0..5), prop::collection::btree_map(".*", finite, 0..4))
            .prop_map(|(list, map)| Shape::Named { list, map }),
    ]
}

fn flat_record() -> impl Strategy<Value = Record> {
    (any::<i64>(), any::<u64>(), any::<char>(), prop::collection::vec(shape(), 0..4)).prop_map(
        |(signed, unsigned, character, shapes)| Record { signed, unsigned, character, shapes, nested: None },
    )
}

fn record() -> impl Strategy<Value = Record> {
    (flat_record(), prop::option::of(flat_record()))
        .prop_map(|(outer, inner)| Record { nested: inner.map(Box::new), ..outer })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (prop::num::f64::NORMAL | prop::num::f64::ZERO).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..6).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn typed_values_round_trip(record in record()) {
        for &content_type in ContentType::ALL {
            let payload = codec::encode(content_type, &record).unwrap();
            prop_assert_eq!(&codec::decode::<Record>(&payload).unwrap(), &record);
        }
    }

    #[test]
    fn values_of_any_shape_round_trip(value in value()) {
        for &content_type in ContentType::ALL {
            let payload = codec::encode(content_type, &value).unwrap();
            prop_assert_eq!(&codec::decode::<Value>(&payload).unwrap(), &value);
        }
    }

    #[test]
    fn no_bytes_panic(body: Vec<u8>) {
        for &content_type in ContentType::ALL {
            let payload = Payload::new(content_type, body.clone().into());
            let _ = (codec::decode::<Value>(&payload), codec::decode::<Record>(&payload));
        }
    }
}

#[test]
fn bytes_stay_bytes_in_message_pack() {
    let value = Value::from(vec![0_u8, 255]);
    let payload = codec::encode(ContentType::MessagePack, &value).unwrap();
    assert_eq!(codec::decode::<Value>(&payload).unwrap(), value);
}

#[test]
fn a_defect_is_located() {
    for &content_type in ContentType::ALL {
        let wrong = Value::map([("list", Value::from(vec![Value::from(1), Value::from("two")]))]);
        let payload = codec::encode(content_type, &wrong).unwrap();
        let error = codec::decode::<BTreeMap<String, Vec<u8>>>(&payload).unwrap_err().to_string();
        assert!(error.contains("list[1]"), "{content_type}: {error}");
    }
}

#[test]
fn a_defect_is_told_in_text_that_fits_a_log() {
    for &content_type in ContentType::ALL {
        for name in ["\u{1b}[2J".to_owned(), "x".repeat(100_000)] {
            let unknown = codec::encode(content_type, &name).unwrap();
            let error = codec::decode::<Shape>(&unknown).unwrap_err().to_string();
            assert!(error.starts_with("unknown variant") && error.len() <= 1_024, "{}", error.len());
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn arguments_are_a_map_or_nothing() {
    let (_, _, _server, transport) = crate::support::one_server().await;
    for &content_type in ContentType::ALL {
        let client = Client::new(&transport, crate::support::target())
            .prepare(|settings| settings.content_type(content_type));
        assert_eq!(client.call("double", &Value::map([("number", 2)])).await.unwrap(), Value::from(4));
        let error = client.call("double", &(2,)).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArguments, "{error}");
        assert_eq!(client.call("crash", &[0_u8; 0]).await.unwrap_err().code(), Code::InvalidArguments);
        assert_eq!(client.call("crash", &()).await.unwrap_err().code(), Code::Panicked, "it ran");
    }
}

#[test]
fn a_deep_value_is_refused_on_a_small_stack() {
    let deep = |open: &[u8], close: &[u8]| [open.repeat(1_000_000), close.repeat(1_000_000)].concat();
    let bodies = [(ContentType::Json, deep(b"[", b"]")), (ContentType::MessagePack, deep(&[0x91], &[]))];
    let small = std::thread::Builder::new().stack_size(256 * 1_024);
    small
        .spawn(move || {
            for (content_type, body) in bodies {
                let error = codec::decode::<Value>(&Payload::new(content_type, body.into())).unwrap_err();
                assert!(error.to_string().contains("nested deeper"), "{content_type}: {error}");
            }
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn a_value_is_read_from_a_bounded_number_of_values() {
    for content_type in [ContentType::MessagePack, ContentType::Json] {
        let list = |count| codec::encode(content_type, &vec![0_u32; count]);
        let most = list(Value::MOST_VALUES - 1).unwrap();
        assert_eq!(codec::decode::<Value>(&most).unwrap().as_list().unwrap().len(), Value::MOST_VALUES - 1);
        let more = list(Value::MOST_VALUES).unwrap();
        let error = codec::decode::<Value>(&more).unwrap_err();
        assert!(error.to_string().contains("100000 values"), "{error}");
        assert_eq!(codec::decode::<Vec<u32>>(&more).unwrap().len(), Value::MOST_VALUES);
    }
}
