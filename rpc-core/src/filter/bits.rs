//! One bit for each filter.

/// One bit for each filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// None of `count`.
    pub(super) fn zeros(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    /// All of `count`.
    pub(super) fn ones(count: usize) -> Self {
        let mut bits = vec![u64::MAX; count.div_ceil(64)];
        if let Some(last) = bits.last_mut()
            && !count.is_multiple_of(64)
        {
            *last = (1 << (count % 64)) - 1;
        }
        Self(bits)
    }

    /// Whether the one at `index` is set.
    pub(crate) fn contains(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Whether any is set.
    pub(crate) fn any(&self) -> bool {
        self.0.iter().any(|word| *word != 0)
    }

    pub(super) fn set(&mut self, index: usize, to: bool) {
        let bit = 1 << (index % 64);
        if let Some(word) = self.0.get_mut(index / 64) {
            *word = if to { *word | bit } else { *word & !bit };
        }
    }

    /// Leaves those that `other` has, too.
    pub(super) fn and(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
    }

    /// Adds those of `other`.
    pub(super) fn or(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }
}
