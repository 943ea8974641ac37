//! The console's drawing: what the phone shows and what went over the line, as HTML.
//!
//! Everything that a flow or a logic wrote is escaped, and no script or style stands in the markup: classes and `data-`
//! attributes only, which `style.css` and `script.js` read. It refuses to know who serves the page and what a tap leads to.

mod bars;
mod choice;
mod component;
mod date;
mod detail;
mod entry;
mod field;
mod findings;
mod image;
mod json;
mod markdown;
mod navigation;
mod page;
mod phone;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use self::detail::detail;
pub(crate) use self::entry::entry;
pub(crate) use self::findings::findings;
pub(crate) use self::page::{Page, page};
pub(crate) use self::phone::{Face, phone};
