//! Images: what a phone can show of base64, and a placeholder for everything else. Nothing is ever fetched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use prost_types::Struct;

use super::text::plain;
use crate::phone::{Shown, value};

/// How an image lies in its frame.
#[derive(Debug, Clone, Copy)]
enum Frame {
    /// As it is.
    Own,
    /// Width for a height of 100.
    Ratio(f64),
    /// Pixels.
    Size(Option<f64>, Option<f64>),
}

pub(super) fn image(shown: &Shown) -> Markup {
    let number = |name: &str| {
        let number = value::get(&shown.properties, name).and_then(value::number);
        number.filter(|number| number.is_finite() && *number > 0.0)
    };
    let frame = match (number("width"), number("height"), number("aspect-ratio")) {
        (None, None, None) => Frame::Own,
        (None, None, Some(ratio)) => Frame::Ratio(ratio * 100.0),
        (width, height, _) => Frame::Size(width, height),
    };
    let alt = plain(&shown.properties, "alt-text").unwrap_or_default();
    html! { div.image { (framed(plain(&shown.properties, "src").unwrap_or_default(), alt, frame, covers(shown))) } }
}

pub(super) fn carousel(shown: &Shown) -> Markup {
    let ratio = if plain(&shown.properties, "aspect-ratio") == Some("16:9") { 16.0 / 9.0 } else { 4.0 / 3.0 };
    let images = value::get(&shown.properties, "images").and_then(value::list).unwrap_or_default();
    let most = shown.kind.most_shown(&["images"]).unwrap_or(images.len());
    html! {
        // What scrolls is reached by the keyboard as well.
        div.carousel id=(super::text::id("c", &[&shown.id])) tabindex="0" role="group" aria-label="images" {
            @for entry in images.iter().take(most).filter_map(value::object) {
                div.slide {
                    (framed(
                        plain(entry, "src").unwrap_or_default(),
                        plain(entry, "alt-text").unwrap_or_default(),
                        Frame::Ratio(ratio * 100.0),
                        covers(shown),
                    ))
                }
            }
        }
        @if images.len() > most {
            p.left-out { "a phone shows " (most) " of these " (images.len()) " images" }
        }
    }
}

/// The small image of an option or an item.
pub(super) fn thumbnail(entry: &Struct, key: &str) -> Option<Markup> {
    let alt = plain(entry, "alt-text").unwrap_or_default();
    Some(html! { span.thumbnail { (inline(plain(entry, key)?, alt)) } })
}

/// An image within text.
pub(super) fn inline(source: &str, alt: &str) -> Markup {
    match address(source) {
        Some(address) => html! { img src=(address) alt=(alt); },
        None => placeholder(alt),
    }
}

fn covers(shown: &Shown) -> bool {
    plain(&shown.properties, "scale-type") == Some("cover")
}

fn framed(source: &str, alt: &str, frame: Frame, covers: bool) -> Markup {
    let Some(address) = address(source) else { return placeholder(alt) };
    // A frame of a given shape without a style attribute.
    let fit = if covers { "xMidYMid slice" } else { "xMidYMid meet" };
    let picture = html! { image href=(address) width="100%" height="100%" preserveAspectRatio=(fit) {} };
    match frame {
        Frame::Own => html! { img src=(address) alt=(alt); },
        Frame::Ratio(width) => html! {
            svg viewBox=(format!("0 0 {width:.1} 100")) role="img" aria-label=(alt) { (picture) }
        },
        Frame::Size(width, height) => {
            let [width, height] = [width, height].map(|size| size.map(|size| format!("{size:.0}")));
            html! {
                svg width=(width.as_deref().unwrap_or("100%")) height=(height.as_deref().unwrap_or("240"))
                    role="img" aria-label=(alt) { (picture) }
            }
        }
    }
}

fn placeholder(alt: &str) -> Markup {
    html! {
        span.no-image role="img" aria-label={ "no image that a phone shows: " (alt) } {
            "no PNG, JPEG or WebP in base64" @if !alt.is_empty() { ": " (alt) }
        }
    }
}

/// As a browser takes it, where it is an image of a kind that a phone shows. Flows hold base64 with and without `data:`.
fn address(source: &str) -> Option<String> {
    let base64 = match source.strip_prefix("data:") {
        Some(address) => address.split_once(";base64,")?.1,
        None => source,
    };
    let base64: String = base64.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if !base64.bytes().all(is_base64) {
        return None;
    }
    let head = STANDARD.decode(base64.get(..16)?).ok()?;
    let kind = match head.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, 0xff, ..] => "jpeg",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => "webp",
        _ => return None,
    };
    Some(format!("data:image/{kind};base64,{base64}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One transparent pixel.
    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    #[test]
    fn only_what_is_an_image_becomes_one() {
        let whole = format!("data:image/png;base64,{PNG}");
        assert_eq!(address(PNG).as_deref(), Some(whole.as_str()));
        // What the bytes are counts, not what the address says.
        assert_eq!(address(&format!("data:text/html;base64,{PNG}")).as_deref(), Some(whole.as_str()));
        for source in ["", "https://example.com/a.png", "data:image/svg+xml,<svg/>", "PHN2Zz48L3N2Zz48L3N2Zz4="] {
            assert_eq!(address(source), None, "{source}");
        }
        assert_eq!(address(&format!("{PNG}\" onerror=\"")), None);
    }
}
