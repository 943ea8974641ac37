//! A string of the file with its place.

use crate::span::Span;

/// A string of the file that names something, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub span: Span,
}
