//! What the payloads are made of that carry something of a stranger's.

/// A part of a payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Field {
    /// So many octets, whatever they are.
    Octets(u8),
    /// The delivery tag.
    Tag,
    /// A string of up to 255 octets.
    Text,
    Table,
    /// Which of the [`PROPERTIES`] follow.
    Flags,
}

/// A content header: class, weight and size of the body, then the properties.
pub(super) const HEADER: &[Field] = &[Field::Octets(12), Field::Flags];
/// `basic.deliver`: consumer tag, delivery tag, redelivered, exchange, routing key.
pub(super) const DELIVER: &[Field] = &[Field::Text, Field::Tag, Field::Octets(1), Field::Text, Field::Text];
/// `basic.return`: code, text, exchange, routing key.
pub(super) const RETURN: &[Field] = &[Field::Octets(2), Field::Text, Field::Text, Field::Text];
/// `basic.get-ok`: delivery tag, redelivered, exchange, routing key, how many messages are left.
pub(super) const GET_OK: &[Field] =
    &[Field::Tag, Field::Octets(1), Field::Text, Field::Text, Field::Octets(4)];
/// The properties of a message, by flag from the highest on. Unused flags mean nothing to the parser.
pub(super) const PROPERTIES: &[Field] = &[
    Field::Text,
    Field::Text,
    Field::Table,
    Field::Octets(1),
    Field::Octets(1),
    Field::Text,
    Field::Text,
    Field::Text,
    Field::Text,
    Field::Octets(8),
    Field::Text,
    Field::Text,
    Field::Text,
    Field::Text,
];

/// The fields that are still to come, and how many octets they take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Rest {
    fields: &'static [Field],
    /// Which of them there are, from the highest bit on.
    present: u16,
    least: u64,
    most: u64,
    texts: u8,
    tables: u8,
}

impl Rest {
    pub(super) fn new(fields: &'static [Field], present: u16) -> Self {
        let mut rest = Self { fields, present, least: 0, most: 0, texts: 0, tables: 0 };
        let mut sums = rest;
        while let Some(field) = rest.take() {
            sums.least += field.least();
            sums.most += field.most();
            sums.texts += u8::from(field == Field::Text);
            sums.tables += u8::from(field == Field::Table);
        }
        sums
    }

    /// The next field, which does not count any more.
    pub(super) fn take(&mut self) -> Option<Field> {
        while let Some((field, later)) = self.fields.split_first() {
            self.fields = later;
            let is_present = self.present & 1 << 15 != 0;
            self.present <<= 1;
            if is_present {
                self.least = self.least.saturating_sub(field.least());
                self.most = self.most.saturating_sub(field.most());
                self.texts = self.texts.saturating_sub(u8::from(*field == Field::Text));
                self.tables = self.tables.saturating_sub(u8::from(*field == Field::Table));
                return Some(*field);
            }
        }
        None
    }

    /// The fewest octets that they take.
    pub(super) const fn least(&self) -> u64 {
        self.least
    }

    /// The most octets that they take.
    pub(super) const fn most(&self) -> u64 {
        self.most
    }

    /// Whether they can take exactly `octets`.
    pub(super) const fn fit(&self, octets: u64) -> bool {
        // A table of one octet is none.
        let only_table = self.tables > 0 && self.texts == 0;
        self.least <= octets && octets <= self.most && !(only_table && octets == self.least + 1)
    }
}

impl Field {
    const fn least(self) -> u64 {
        match self {
            Self::Octets(count) => count as u64,
            Self::Tag => 8,
            Self::Text => 1,
            Self::Table => 4,
            Self::Flags => 2,
        }
    }

    const fn most(self) -> u64 {
        match self {
            Self::Octets(_) | Self::Tag => self.least(),
            Self::Text => 256,
            Self::Table | Self::Flags => 1 << 32,
        }
    }
}
