//! The versions of Flow JSON, and how the platform stands to each.

use std::fmt;

/// `version` of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
}

/// How the platform treats a version (November 2026).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Flows that were sent still open; none is published any more.
    Frozen,
    Publishable,
    /// Newer than what this crate knows: it is held against the newest that it knows.
    Newer,
    /// There is no such version, or none any more.
    Unknown,
}

pub(crate) const V2_1: Version = Version::new(2, 1);
pub(crate) const V3_0: Version = Version::new(3, 0);
pub(crate) const V4_0: Version = Version::new(4, 0);
pub(crate) const V5_0: Version = Version::new(5, 0);
pub(crate) const V5_1: Version = Version::new(5, 1);
pub(crate) const V6_0: Version = Version::new(6, 0);
pub(crate) const V6_1: Version = Version::new(6, 1);
pub(crate) const V6_2: Version = Version::new(6, 2);
pub(crate) const V6_3: Version = Version::new(6, 3);
pub(crate) const V7_0: Version = Version::new(7, 0);
pub(crate) const V7_1: Version = Version::new(7, 1);
pub(crate) const V7_2: Version = Version::new(7, 2);
pub(crate) const V7_3: Version = Version::new(7, 3);

impl Version {
    /// Every version that this crate knows, oldest first.
    pub const ALL: [Version; 14] =
        [V2_1, V3_0, Version::new(3, 1), V4_0, V5_0, V5_1, V6_0, V6_1, V6_2, V6_3, V7_0, V7_1, V7_2, V7_3];
    /// The newest that this crate knows.
    pub const NEWEST: Version = V7_3;

    pub(crate) const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// `"7.3"`, and nothing else around it.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
            plain.then(|| digits.parse().ok()).flatten()
        };
        Some(Self { major: number(major)?, minor: number(minor)? })
    }

    pub fn state(self) -> State {
        match self {
            version if version > Self::NEWEST => State::Newer,
            version if !Self::ALL.contains(&version) => State::Unknown,
            version if version <= V5_0 => State::Frozen,
            _ => State::Publishable,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_plain_numbers_are_a_version() {
        assert_eq!(Version::parse("7.3"), Some(V7_3));
        for text in ["", "7", "7.", ".3", "7.3.0", "v7.3", "7.03", "+7.3", " 7.3", "7.99999"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn states_are_those_of_the_changelog() {
        let state = |text: &str| Version::parse(text).map(Version::state);
        assert_eq!(state("2.1"), Some(State::Frozen));
        assert_eq!(state("5.0"), Some(State::Frozen));
        assert_eq!(state("5.1"), Some(State::Publishable));
        assert_eq!(state("7.3"), Some(State::Publishable));
        assert_eq!(state("7.4"), Some(State::Newer));
        assert_eq!(state("1.0"), Some(State::Unknown));
        assert_eq!(state("4.1"), Some(State::Unknown));
    }
}
