//! A payload with something of a stranger's in it.

use super::changes::Changes;
use super::field::{DELIVER, Field, GET_OK, HEADER, PROPERTIES, RETURN, Rest};
use super::table::Table;
use super::text::Text;

/// The flags with bits that stand for a property.
const MEANINGFUL: u16 = 0xfffc;
/// The only property whose string takes up what little there is.
const ONLY_MESSAGE_ID: u16 = 1 << 7;
/// The only property that takes up any amount, from 4 octets on.
const ONLY_HEADERS: u16 = 1 << 13;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    /// A field, or the end.
    Field,
    Octets(u8),
    /// So many octets of the tag are missing.
    Tag(u8),
    TextLength,
    Text(Text),
    FirstFlags,
    /// With the first.
    LastFlags(u8),
    Table(Table),
    /// The rest is of no interest.
    Anything,
}

/// A payload that arrives in pieces, made readable in place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Payload {
    /// Octets that have not arrived.
    left: u32,
    rest: Rest,
    next: Next,
    tag: u64,
    changes: Changes,
}

impl Payload {
    /// A content header of `length` octets, of which so many more were cut off.
    pub(super) fn header(length: u32, excess: u32) -> Self {
        let mut header = Self::new(HEADER, length);
        header.changes.size = excess > 0;
        header
    }

    /// What follows the identifier of `basic.deliver`.
    pub(super) fn deliver(length: u32) -> Self {
        Self::new(DELIVER, length)
    }

    /// What follows the identifier of `basic.return`.
    pub(super) fn returned(length: u32) -> Self {
        Self::new(RETURN, length)
    }

    /// What follows the identifier of `basic.get-ok`.
    pub(super) fn get_ok(length: u32) -> Self {
        Self::new(GET_OK, length)
    }

    fn new(fields: &'static [Field], length: u32) -> Self {
        let rest = Rest::new(fields, u16::MAX);
        // The broker itself writes these lengths. If they are wrong there is nothing to be saved.
        let next = if rest.fit(length.into()) { Next::Field } else { Next::Anything };
        Self { left: length, rest, next, tag: 0, changes: Changes::default() }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.left == 0
    }

    pub(super) const fn changes(&self) -> Changes {
        self.changes
    }

    /// The delivery tag, once it has arrived.
    pub(super) const fn tag(&self) -> u64 {
        self.tag
    }

    /// Goes over the payload's part of `octets`, and says how long that was.
    pub(super) fn pass(&mut self, octets: &mut [u8]) -> usize {
        let length = octets.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let mut octets = &mut octets[..length];
        while !octets.is_empty() {
            self.open_field();
            let passed = self.pass_field(octets);
            self.left -= u32::try_from(passed).unwrap_or(self.left);
            octets = &mut octets[passed..];
        }
        length
    }

    fn open_field(&mut self) {
        if self.next != Next::Field {
            return;
        }
        self.next = match self.rest.take() {
            Some(Field::Octets(count)) => Next::Octets(count),
            Some(Field::Tag) => Next::Tag(8),
            Some(Field::Text) => Next::TextLength,
            Some(Field::Flags) => Next::FirstFlags,
            Some(Field::Table) => {
                let length = u64::from(self.left).saturating_sub(4);
                let most = length.saturating_sub(self.rest.least());
                let least = length.saturating_sub(self.rest.most());
                let bound = |length| u32::try_from(length).unwrap_or(u32::MAX);
                Next::Table(Table::new(bound(least), bound(most)))
            }
            None => Next::Anything,
        };
    }

    /// Goes over the next field's part of `octets`, of which there is at least one.
    fn pass_field(&mut self, octets: &mut [u8]) -> usize {
        match &mut self.next {
            Next::Octets(left) => {
                let length = octets.len().min((*left).into());
                *left -= u8::try_from(length).unwrap_or(*left);
                if *left == 0 {
                    self.next = Next::Field;
                }
                length
            }
            Next::Tag(left) => {
                self.tag = self.tag << 8 | u64::from(octets[0]);
                *left -= 1;
                if *left == 0 {
                    self.next = Next::Field;
                }
                1
            }
            Next::TextLength => {
                let length = self.text_length(octets[0]);
                self.changes.layout |= length != octets[0];
                octets[0] = length;
                self.next = if length == 0 { Next::Field } else { Next::Text(Text::new(length)) };
                1
            }
            Next::Text(text) => {
                let length = text.pass(octets, &mut self.changes);
                if text.is_done() {
                    self.next = Next::Field;
                }
                length
            }
            Next::FirstFlags => {
                let first = self.first_flags(octets[0]);
                self.changes.layout |= first != octets[0];
                octets[0] = first;
                self.next = Next::LastFlags(first);
                1
            }
            Next::LastFlags(first) => {
                let first = *first;
                let last = self.last_flags(first, octets[0]);
                self.changes.layout |= last != octets[0];
                octets[0] = last;
                self.rest = Rest::new(PROPERTIES, u16::from_be_bytes([first, last]));
                self.next = Next::Field;
                1
            }
            Next::Table(table) => {
                let length = table.pass(octets, &mut self.changes);
                if table.is_done() {
                    self.next = Next::Field;
                }
                length
            }
            Next::Field | Next::Anything => octets.len(),
        }
    }

    /// The length of a string, such that what follows can take up the rest.
    fn text_length(&self, length: u8) -> u8 {
        let left = u64::from(self.left) - 1;
        let most = left.saturating_sub(self.rest.least()).min(255);
        let least = left.saturating_sub(self.rest.most()).min(most);
        let length = u64::from(length).clamp(least, most);
        let fits = |length: &u64| *length <= most && self.rest.fit(left.saturating_sub(*length));
        // Only a table that would get one octet does not fit now: one more or one less makes it fit.
        let fitting = [length, length + 1, length.saturating_sub(1)].into_iter().find(fits);
        u8::try_from(fitting.unwrap_or(length)).unwrap_or(u8::MAX)
    }

    /// The first half of the flags, such that with some second half the properties take up the rest.
    fn first_flags(&self, first: u8) -> u8 {
        let left = u64::from(self.left) - 2;
        let fits = |last: u8| Rest::new(PROPERTIES, u16::from_be_bytes([first, last])).fit(left);
        // The first two will do nearly always; the others are for what was made to be difficult.
        if fits(0) || fits(1 << 7) || lasts().any(fits) {
            return first;
        }
        let only = if left > 256 { ONLY_HEADERS } else { ONLY_MESSAGE_ID };
        only.to_be_bytes()[0]
    }

    /// The second half of the flags, such that the properties take up the rest.
    fn last_flags(&self, first: u8, last: u8) -> u8 {
        let left = u64::from(self.left) - 1;
        let fits =
            |last: &u8| Rest::new(PROPERTIES, u16::from_be_bytes([first, *last]) & MEANINGFUL).fit(left);
        if fits(&last) { last } else { lasts().find(fits).unwrap_or(last) }
    }
}

/// Every second half of the flags.
fn lasts() -> impl Iterator<Item = u8> {
    (0..=u8::MAX).step_by(4)
}
