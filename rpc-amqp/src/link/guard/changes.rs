//! What had to be changed in a message.

/// What had to be changed in a message. Nothing at first.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Changes {
    /// A table or an array was nested too deep.
    pub(super) depth: bool,
    /// Text was not UTF-8.
    pub(super) text: bool,
    /// A length or the type of a value did not fit.
    pub(super) layout: bool,
    /// The headers were longer than a frame may be.
    pub(super) size: bool,
}

impl Changes {
    pub(super) const fn any(self) -> bool {
        self.depth || self.text || self.layout || self.size
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            depth: self.depth || other.depth,
            text: self.text || other.text,
            layout: self.layout || other.layout,
            size: self.size || other.size,
        }
    }

    /// Why the message is rejected. Nothing of the message is in it.
    pub(crate) fn reason(self) -> String {
        let reasons = [
            (self.depth, "its headers are nested deeper than 16 levels"),
            (self.text, "a property, the name of a header or the routing key is not UTF-8"),
            (self.size, "its properties and headers do not fit into a frame"),
            (self.layout && !self.size, "its headers are not laid out as AMQP wants them"),
        ];
        let said: Vec<_> = reasons.into_iter().filter_map(|(is_so, text)| is_so.then_some(text)).collect();
        said.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_told() {
        let (depth, text) =
            (Changes { depth: true, ..Changes::default() }, Changes { text: true, ..Changes::default() });
        assert!(!Changes::default().any() && depth.any() && text.any());
        let reason = depth.and(text).reason();
        assert!(reason.contains("16 levels") && reason.contains("; a property"), "{reason}");
    }
}
