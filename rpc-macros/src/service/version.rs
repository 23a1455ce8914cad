//! Versions in attributes.

use syn::LitStr;

/// `major.minor`, by the same rule as `rpc_core::Version`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl Version {
    /// The version of an interface that declares none.
    pub(super) const DEFAULT: Self = Self { major: 1, minor: 0 };

    /// The first version with the same major number.
    pub(super) const fn first(self) -> Self {
        Self { major: self.major, minor: 0 }
    }

    /// Reads exactly two decimal numbers with a dot between: no sign, no blank, no third part.
    pub(super) fn parse(text: &LitStr) -> syn::Result<Self> {
        Self::from_text(&text.value()).ok_or_else(|| {
            let message = "not a version: write two numbers with a dot between, such as \"1.0\"";
            syn::Error::new(text.span(), message)
        })
    }

    fn from_text(text: &str) -> Option<Self> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let (major, minor) = text.split_once('.')?;
        Some(Self { major: number(major)?, minor: number(minor)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_core() {
        for text in [
            "1.0",
            "0.0",
            "12.345",
            "4294967295.1",
            "",
            "1",
            "1.",
            ".1",
            "1.2.3",
            "+1.0",
            "1.-2",
            " 1.0",
            "4294967296.0",
        ] {
            let core = text.parse::<rpc_core::Version>().ok();
            let ours = Version::from_text(text);
            assert_eq!(
                ours.map(|version| (version.major, version.minor)),
                core.map(|version| (version.major(), version.minor())),
                "{text:?}"
            );
        }
    }
}
