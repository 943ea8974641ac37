//! The package from outside: every rule by the examples of its page, expressions as a table, answers, and what large or odd
//! files cost.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's helpers may panic as its tests do")]

mod cases;
mod expressions;
mod flow;
mod judge;
mod limits;
mod rules;
