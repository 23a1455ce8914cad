//! How large messages are.

/// How often messages of a control plane had how many bytes, while machines were booted and deleted: 4,077 messages, counted
/// in steps of 500 bytes. The numbers are those with which oslo.messaging's own simulator makes its load, so that the two can be
/// compared.
const SEEN: [(u32, u32); 16] = [
    (500, 56),
    (1_000, 105),
    (1_500, 801),
    (2_000, 1_166),
    (2_500, 616),
    (3_000, 150),
    (3_500, 100),
    (4_000, 37),
    (4_500, 177),
    (5_000, 250),
    (5_500, 99),
    (6_000, 154),
    (6_500, 211),
    (7_000, 52),
    (7_500, 53),
    (11_000, 50),
];

/// How many different messages are sent, one after the other and again.
const MESSAGES: usize = 1_000;
/// The seed of all numbers, so that two runs send the same.
const SEED: u64 = 0x5eed;

/// The messages of a load: as long as those of a control plane, or of `size` letters each.
pub(super) fn messages(size: Option<u32>) -> Vec<String> {
    let mut random = Random(SEED);
    // Messages of one size need not differ, and may be large.
    let count = if size.is_some() { 16 } else { MESSAGES };
    (0..count)
        .map(|_| {
            let length = size.unwrap_or_else(|| length(&mut random));
            (0..length).map(|_| char::from(b'a' + (random.next() % 26) as u8)).collect()
        })
        .collect()
}

/// A length as often as it was seen; within its step any is as likely.
fn length(random: &mut Random) -> u32 {
    let all: u32 = SEEN.iter().map(|(_, count)| count).sum();
    let mut place = (random.next() % u64::from(all)) as u32;
    let step = SEEN.iter().find(|(_, count)| {
        let is_here = place < *count;
        place = place.saturating_sub(*count);
        is_here
    });
    step.map_or(0, |(least, _)| *least) + 1 + (random.next() % 500) as u32
}

/// SplitMix64: evenly spread, not secret, and the same in every run.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_they_were_seen() {
        assert_eq!(SEEN.iter().map(|(_, count)| count).sum::<u32>(), 4_077);
        let mut random = Random(7);
        let mut lengths: Vec<_> = (0..40_770).map(|_| length(&mut random)).collect();
        lengths.sort_unstable();
        assert!(lengths[0] > 500 && lengths[lengths.len() - 1] <= 11_500);
        for (least, count) in SEEN {
            let drawn =
                lengths.iter().filter(|length| (least + 1..=least + 500).contains(*length)).count() as f64;
            let expected = f64::from(count) * 10.0;
            assert!((drawn - expected).abs() < 6.0 * expected.sqrt(), "{least}: {drawn} for {expected}");
        }
    }

    #[test]
    fn a_load_is_the_same_in_every_run() {
        let sent = messages(None);
        assert_eq!(sent, messages(None));
        assert_eq!(sent.len(), MESSAGES);
        assert!(sent.iter().all(|text| text.bytes().all(|letter| letter.is_ascii_lowercase())));
        assert!(messages(Some(7)).iter().all(|text| text.len() == 7));
    }
}
