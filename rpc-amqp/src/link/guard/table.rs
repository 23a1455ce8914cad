//! A table of headers, made readable in place.
//!
//! The parser reads tables and arrays by recursion, and gives the connection up when anything in them is wrong.
//! So what is in them is walked without recursion, and each octet is left as it is or replaced by one with which all
//! can still be read. That is possible because of one invariant: a table is never left with a single octet, which is
//! too little for a name and a type. With any other rest there is a value that fills it up.

use super::changes::Changes;
use super::length::Length;
use super::text::Text;

/// How many tables and arrays may be in each other, the headers themselves included.
pub(super) const DEEPEST: usize = 16;

/// How a value is laid out behind its type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layout {
    /// So many octets.
    Octets(u32),
    /// A length and so many octets.
    Long,
    Table,
    Array,
}

/// A table or an array that is open, with the octets that are left of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Container {
    is_table: bool,
    left: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    /// A name, a value, or the end of a container.
    Entry,
    Name(Text),
    Value,
    Length(Length, Layout),
    Octets(u32),
    Done,
}

/// A table that arrives in pieces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Table {
    open: [Container; DEEPEST],
    depth: usize,
    next: Next,
}

impl Table {
    /// A table, its length first, which is between `least` and `most`. They are not both 1.
    pub(super) fn new(least: u32, most: u32) -> Self {
        let length = Length::new(least, most, [Some(1), None]);
        let none = Container { is_table: true, left: 0 };
        Self { open: [none; DEEPEST], depth: 0, next: Next::Length(length, Layout::Table) }
    }

    pub(super) fn is_done(&self) -> bool {
        self.next == Next::Done
    }

    /// Goes over the table's part of `octets`, and says how long that was.
    pub(super) fn pass(&mut self, octets: &mut [u8], changes: &mut Changes) -> usize {
        let mut at = 0;
        loop {
            self.close_finished();
            let rest = &mut octets[at..];
            let Some(first) = rest.first_mut().filter(|_| !self.is_done()) else { return at };
            at += match &mut self.next {
                Next::Entry if self.open[self.depth - 1].is_table => {
                    self.name(first, changes);
                    1
                }
                Next::Entry | Next::Value => {
                    self.kind(first, changes);
                    1
                }
                Next::Name(text) => {
                    let length = text.pass(rest, changes);
                    if text.is_done() {
                        self.next = Next::Value;
                    }
                    length
                }
                Next::Length(length, layout) => {
                    let (passed, layout) = (length.pass(first, changes), *layout);
                    if let Some(length) = passed {
                        self.begin(length, layout);
                    }
                    1
                }
                Next::Octets(left) => {
                    let length = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= u32::try_from(length).unwrap_or(*left);
                    if *left == 0 {
                        self.next = Next::Entry;
                    }
                    length
                }
                Next::Done => 0,
            };
        }
    }

    /// Leaves every container that is at its end.
    fn close_finished(&mut self) {
        while self.next == Next::Entry && self.open[self.depth - 1].left == 0 {
            self.depth -= 1;
            if self.depth == 0 {
                self.next = Next::Done;
            }
        }
    }

    /// The length of a name. A type has to follow it.
    fn name(&mut self, octet: &mut u8, changes: &mut Changes) {
        let left = &mut self.open[self.depth - 1].left;
        let most = u8::try_from(left.saturating_sub(2)).unwrap_or(u8::MAX);
        if *octet > most {
            *octet = most;
            changes.layout = true;
        }
        *left -= 1 + u32::from(*octet);
        self.next = if *octet == 0 { Next::Value } else { Next::Name(Text::new(*octet)) };
    }

    /// The type of a value.
    fn kind(&mut self, octet: &mut u8, changes: &mut Changes) {
        let container = &mut self.open[self.depth - 1];
        container.left -= 1;
        let Container { is_table, left } = *container;
        let Some(mut layout) = layout(*octet).filter(|layout| layout.fits(is_table, left)) else {
            changes.layout = true;
            self.fill(octet, left);
            return;
        };
        if matches!(layout, Layout::Table | Layout::Array) && self.depth == DEEPEST {
            // The same layout, a length and so many octets, and nobody looks into them.
            *octet = b'x';
            layout = Layout::Long;
            changes.depth = true;
        }
        self.next = match layout {
            Layout::Octets(0) => Next::Entry,
            Layout::Octets(count) => {
                container.left -= count;
                Next::Octets(count)
            }
            Layout::Long | Layout::Table | Layout::Array => {
                let most = left - 4;
                // Neither the container nor the table within may be left with one octet.
                let unfit =
                    [most.checked_sub(1).filter(|_| is_table), Some(1).filter(|_| layout == Layout::Table)];
                Next::Length(Length::new(0, most, unfit), layout)
            }
        };
    }

    /// Puts a value in that takes all of the `left` octets of its container: nothing in them can be trusted.
    fn fill(&mut self, octet: &mut u8, left: u32) {
        let (kind, next, taken) = match left {
            0 => (b'V', Next::Entry, 0),
            // Three are a truth value and one more entry of two octets.
            1 | 3 => (b't', Next::Octets(1), 1),
            2 => (b's', Next::Octets(2), 2),
            _ => (b'x', Next::Length(Length::exactly(left - 4), Layout::Long), 0),
        };
        *octet = kind;
        self.open[self.depth - 1].left -= taken;
        self.next = next;
    }

    /// What stands behind a length.
    fn begin(&mut self, length: u32, layout: Layout) {
        // The outermost table is in none.
        if let Some(outer) = self.depth.checked_sub(1) {
            self.open[outer].left -= 4 + length;
        }
        self.next = match layout {
            Layout::Long if length > 0 => Next::Octets(length),
            Layout::Long | Layout::Octets(_) => Next::Entry,
            Layout::Table | Layout::Array => {
                self.open[self.depth] = Container { is_table: layout == Layout::Table, left: length };
                self.depth += 1;
                Next::Entry
            }
        };
    }
}

impl Layout {
    /// Whether such a value can follow with `left` octets in a container.
    const fn fits(self, is_table: bool, left: u32) -> bool {
        match self {
            Self::Octets(count) => count <= left && !(is_table && left - count == 1),
            Self::Long | Self::Array => left >= 4,
            // A table of one octet is none, and an empty one would leave one to the table around it.
            Self::Table => left >= 4 && !(is_table && left == 5),
        }
    }
}

/// The types that the parser knows.
const fn layout(kind: u8) -> Option<Layout> {
    Some(match kind {
        b'V' => Layout::Octets(0),
        b't' | b'b' | b'B' => Layout::Octets(1),
        b's' | b'U' | b'u' => Layout::Octets(2),
        b'I' | b'i' | b'f' => Layout::Octets(4),
        b'D' => Layout::Octets(5),
        b'L' | b'l' | b'd' | b'T' => Layout::Octets(8),
        b'S' | b'x' => Layout::Long,
        b'F' => Layout::Table,
        b'A' => Layout::Array,
        _ => return None,
    })
}
