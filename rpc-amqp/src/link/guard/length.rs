//! Lengths of 32 bits, kept within what there is room for.

use super::changes::Changes;

/// How many octets a length has.
const OCTETS: u8 = 4;

/// A length that arrives octet by octet, the highest first. Each octet is final when it was seen, so each is chosen such
/// that a fitting length can still follow, as near to what arrived as possible.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Length {
    least: u32,
    most: u32,
    /// Lengths in between that do not fit, either.
    unfit: [Option<u32>; 2],
    value: u32,
    left: u8,
}

impl Length {
    pub(super) const fn new(least: u32, most: u32, unfit: [Option<u32>; 2]) -> Self {
        Self { least, most, unfit, value: 0, left: OCTETS }
    }

    /// Only this one will do.
    pub(super) const fn exactly(value: u32) -> Self {
        Self::new(value, value, [None, None])
    }

    /// Takes in an octet and puts another in its place where necessary. Returns the length after the last one.
    pub(super) fn pass(&mut self, octet: &mut u8, changes: &mut Changes) -> Option<u32> {
        self.left -= 1;
        if !self.fits(*octet) {
            let nearest = (0..=u8::MAX).filter(|other| self.fits(*other));
            // There always is one: whoever asks for a length has seen to it.
            if let Some(nearest) = nearest.min_by_key(|other| other.abs_diff(*octet)) {
                *octet = nearest;
            }
            changes.layout = true;
        }
        self.value = self.with(*octet);
        (self.left == 0).then_some(self.value)
    }

    /// Whether a fitting length can begin with what was seen and `octet`.
    fn fits(&self, octet: u8) -> bool {
        let lowest = u64::from(self.with(octet)) << (8 * self.left);
        let highest = lowest + (1_u64 << (8 * self.left)) - 1;
        let reaches = lowest <= self.most.into() && highest >= self.least.into();
        reaches && (self.left > 0 || !self.unfit.contains(&Some(self.with(octet))))
    }

    const fn with(&self, octet: u8) -> u32 {
        self.value << 8 | octet as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passed(mut length: Length, value: u32) -> (u32, bool) {
        let mut changes = Changes::default();
        let mut last = None;
        for mut octet in value.to_be_bytes() {
            last = length.pass(&mut octet, &mut changes);
        }
        (last.unwrap(), changes.layout)
    }

    #[test]
    fn it_is_kept_within_bounds() {
        assert_eq!(passed(Length::new(0, 300, [None; 2]), 300), (300, false));
        assert_eq!(passed(Length::new(0, 300, [None; 2]), u32::MAX), (300, true));
        assert_eq!(passed(Length::new(5, 300, [None; 2]), 0), (5, true));
        assert!(passed(Length::new(0, 300, [Some(299), None]), 299).1);
        assert_eq!(passed(Length::new(0, 256, [Some(255), None]), 255), (254, true));
        assert_eq!(passed(Length::exactly(70_000), 3), (70_000, true));
    }

    proptest! {
        #[test]
        fn it_fits_and_what_fitted_is_kept(
            least in prop_oneof![Just(0), 2..700_u32],
            more in 2..70_000_u32,
            value in prop_oneof![0..1_000_u32, any::<u32>()],
        ) {
            let most = least + more;
            let unfit = [Some(most - 1), (least == 0).then_some(1)];
            let fits = |value| (least..=most).contains(&value) && !unfit.contains(&Some(value));
            let (length, is_changed) = passed(Length::new(least, most, unfit), value);
            prop_assert!(fits(length), "{length}");
            prop_assert_eq!(is_changed, !fits(value));
            prop_assert_eq!(is_changed, length != value);
        }
    }
}
