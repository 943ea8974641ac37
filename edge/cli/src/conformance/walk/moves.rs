//! What a user can do, said so that it can be done again where the endpoint offers something else by then.

/// One thing that the user does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    Fill {
        field: String,
        pick: Pick,
    },
    /// A component by its way, and which of its items.
    Tap {
        id: String,
        item: Option<usize>,
    },
    /// Fills what is missing and goes on by the Footer.
    GoOn,
    Back,
    /// The next answer is lost on its way, and the phone sends the same again.
    LoseNext,
    /// The message is opened again, under its token.
    Reopen,
    /// The message of somebody else is opened, under another token.
    Other,
}

/// Which value of those that the field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) edge: Edge,
    /// Which option.
    pub(super) at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Typical,
    Empty,
    Shortest,
    Longest,
    /// Letters that are none of ASCII, quotes, a leap day.
    Unusual,
    /// White space around.
    Padded,
    /// What the phone lets in, and the endpoint may well want otherwise.
    Odd,
}

impl Edge {
    pub(super) const ALL: [Edge; 6] =
        [Edge::Typical, Edge::Shortest, Edge::Longest, Edge::Unusual, Edge::Padded, Edge::Odd];
}

impl Pick {
    pub(super) const PLAIN: Self = Self { edge: Edge::Typical, at: 0 };
}
