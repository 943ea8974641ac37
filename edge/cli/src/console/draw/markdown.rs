//! The markdown of RichText, TextBody and TextCaption, as far as a phone knows it. Raw HTML is dropped, a link is text beside
//! its address, an image is one only in base64.

use maud::{Markup, html};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag};

use super::image::inline;

/// Nobody writes deeper, and what is open at once is held in memory.
const DEEPEST: usize = 24;

/// How much of markdown a component knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// RichText.
    All,
    /// TextBody and TextCaption: emphasis, paragraphs, lists, links.
    Emphasis,
}

pub(super) fn markdown(text: &str, extent: Extent) -> Markup {
    let mut options = Options::ENABLE_STRIKETHROUGH;
    options.set(Options::ENABLE_TABLES, extent == Extent::All);
    let mut writer = Writer { extent, open: vec![Open::default()], passed_over: 0, is_head: false };
    Parser::new_ext(text, options).for_each(|event| writer.take(event));
    let parts = writer.open.into_iter().flat_map(|open| open.parts);
    html! { @for part in parts { (part) } }
}

struct Writer<'a> {
    extent: Extent,
    /// From the outermost to the innermost.
    open: Vec<Open<'a>>,
    /// Tags that are open and too deep.
    passed_over: usize,
    /// Within the head of a table.
    is_head: bool,
}

#[derive(Default)]
struct Open<'a> {
    /// The outermost has none.
    tag: Option<Tag<'a>>,
    parts: Vec<Markup>,
    /// The same without markup.
    words: String,
}

impl<'a> Writer<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => {
                if self.open.len() > DEEPEST {
                    self.passed_over += 1;
                } else {
                    self.is_head |= matches!(tag, Tag::TableHead);
                    self.open.push(Open { tag: Some(tag), ..Open::default() });
                }
            }
            Event::End(_) if self.passed_over > 0 => self.passed_over -= 1,
            Event::End(_) => {
                if let Some(Open { tag: Some(tag), parts, words }) = self.open.pop() {
                    let whole = self.close(&tag, &parts, &words);
                    self.add(whole, &words);
                }
            }
            Event::Text(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.add(html! { (&*text) }, &text);
            }
            Event::Code(text) => self.add(html! { code { (&*text) } }, &text),
            // An entry of an array is a line of its own.
            Event::SoftBreak | Event::HardBreak => self.add(html! { br; }, " "),
            Event::Rule => self.add(html! { hr; }, ""),
            Event::Html(_) | Event::InlineHtml(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn add(&mut self, part: Markup, words: &str) {
        if let Some(open) = self.open.last_mut() {
            open.parts.push(part);
            open.words.push_str(words);
        }
    }

    fn close(&mut self, tag: &Tag<'_>, parts: &[Markup], words: &str) -> Markup {
        let inner = html! { @for part in parts { (part) } };
        let is_all = self.extent == Extent::All;
        match tag {
            Tag::Heading { level: HeadingLevel::H1, .. } if is_all => html! { h3.large { (inner) } },
            Tag::Heading { level: HeadingLevel::H2, .. } if is_all => html! { h4 { (inner) } },
            Tag::Heading { .. } | Tag::Paragraph | Tag::CodeBlock(_) => html! { p { (inner) } },
            Tag::Emphasis => html! { em { (inner) } },
            Tag::Strong => html! { strong { (inner) } },
            Tag::Strikethrough => html! { s { (inner) } },
            Tag::List(Some(first)) => html! { ol start=(first) { (inner) } },
            Tag::List(None) => html! { ul { (inner) } },
            Tag::Item => html! { li { (inner) } },
            Tag::Link { dest_url, .. } => html! {
                span.link { (inner) } " " span.address { "(" (&**dest_url) ")" }
            },
            Tag::Image { dest_url, .. } if is_all => inline(dest_url, words),
            Tag::Table(_) => html! { div.scroll { table { (inner) } } },
            Tag::TableHead => {
                self.is_head = false;
                html! { thead { tr { (inner) } } }
            }
            Tag::TableRow => html! { tr { (inner) } },
            Tag::TableCell if self.is_head => html! { th scope="col" { (inner) } },
            Tag::TableCell => html! { td { (inner) } },
            _ => inner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> String {
        markdown(text, Extent::All).into_string()
    }

    #[test]
    fn what_a_phone_knows_is_drawn() {
        assert_eq!(all("# One"), "<h3 class=\"large\">One</h3>");
        assert_eq!(all("## Two"), "<h4>Two</h4>");
        assert_eq!(all("### Three"), "<p>Three</p>");
        assert_eq!(all("**b** *i* ~~s~~"), "<p><strong>b</strong> <em>i</em> <s>s</s></p>");
        assert_eq!(all("a\nb"), "<p>a<br>b</p>");
        assert_eq!(all("- x\n- y"), "<ul><li>x</li><li>y</li></ul>");
        assert_eq!(all("3. x"), "<ol start=\"3\"><li>x</li></ol>");
        assert_eq!(
            all("[us](https://example.com/?a=1&b=2)"),
            "<p><span class=\"link\">us</span> <span class=\"address\">(https://example.com/?a=1&amp;b=2)</span></p>"
        );
        assert_eq!(
            all("| A | B |\n|---|---|\n| 1 | *2* |"),
            "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">A</th><th scope=\"col\">B</th></tr></thead>\
             <tr><td>1</td><td><em>2</em></td></tr></table></div>"
        );
    }

    #[test]
    fn a_body_knows_less() {
        let body = |text| markdown(text, Extent::Emphasis).into_string();
        assert_eq!(body("# One"), "<p>One</p>");
        assert_eq!(body("![alt](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA)"), "<p>alt</p>");
        assert!(!body("| A |\n|---|\n| 1 |").contains("<table"));
    }

    #[test]
    fn no_markup_of_others_gets_through() {
        for text in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[x](javascript:alert(1))",
            "![x](https://example.com/\"onerror=\"alert(1))",
            "[x](<\"><script>>)",
            "`<script>`",
        ] {
            let drawn = all(text);
            assert!(!drawn.contains("<script"), "{drawn}");
            assert!(!drawn.contains("<img"), "{drawn}");
            assert!(!drawn.contains("href"), "{drawn}");
            assert!(!drawn.contains("=\"alert"), "{drawn}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}x", "> ".repeat(10_000));
        assert!(all(&deep).contains('x'));
        assert!(all(&"*a **b ".repeat(1000)).contains('b'));
    }
}
