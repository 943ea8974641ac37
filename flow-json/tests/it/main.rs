//! The package from outside: every rule by the examples of its page, expressions as a table, answers, and what large or odd
//! files cost.

mod cases;
mod expressions;
mod flow;
mod judge;
mod limits;
mod rules;
