//! What every field has: a label, what stands under it, and the attributes by which a screen reader ties them together; and
//! the fields that are typed, switched or picked from a disk.

use maud::{Markup, html};

use super::text::{cut, id, part, plain, property};
use crate::phone::{Field, Input, Rules, Shown, value};

/// The texts around a field, and the ids of those under it.
pub(super) struct Around {
    /// Of the whole component.
    pub(super) id: String,
    pub(super) label: Markup,
    description: Option<Markup>,
    helper: Option<Markup>,
    error: Option<String>,
}

impl Around {
    pub(super) fn new(shown: &Shown, field: &Field) -> Self {
        // A large label takes as many lines as it needs.
        let is_large = plain(&shown.properties, "label-variant") == Some("large");
        let most = shown.kind.most_shown(&["label"]).filter(|_| !is_large);
        Self {
            id: id("c", &[&shown.id]),
            label: html! { (label(cut(&field.label, most), field.is_required)) },
            description: property(shown, "description"),
            helper: property(shown, "helper-text"),
            error: shown.error.clone(),
        }
    }

    pub(super) fn is_wrong(&self) -> Option<&'static str> {
        self.error.is_some().then_some("true")
    }

    /// For `aria-describedby`.
    pub(super) fn described_by(&self) -> Option<String> {
        let texts = [
            ("description", self.description.is_some()),
            ("helper", self.helper.is_some() && self.error.is_none()),
            ("error", self.error.is_some()),
        ];
        let ids: Vec<_> = texts.iter().filter(|(_, is)| *is).map(|(name, _)| format!("{}-{name}", self.id)).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    pub(super) fn above(&self) -> Markup {
        html! {
            @if let Some(description) = &self.description {
                p.description id={ (self.id) "-description" } { (description) }
            }
        }
    }

    /// An error takes the place of the helper.
    pub(super) fn below(&self) -> Markup {
        html! {
            @if let Some(error) = &self.error {
                p.error id={ (self.id) "-error" } { (error) }
            } @else if let Some(helper) = &self.helper {
                p.helper id={ (self.id) "-helper" } { (helper) }
            }
        }
    }
}

/// Whether a field must be filled is said in words.
pub(super) fn label(text: Markup, is_required: bool) -> Markup {
    html! { (text) @if is_required { span.required { " (required)" } } }
}

pub(super) fn id_of(field: &Field) -> String {
    id("f", &[&field.name])
}

/// TextInput and TextArea.
pub(super) fn typed(shown: &Shown, field: &Field, input: Input, most: usize) -> Markup {
    let around = Around::new(shown, field);
    let id = id_of(field);
    let text = shown.value.as_ref().and_then(value::text).unwrap_or_default();
    let (kind, of_type, keys) = match input {
        Input::Line | Input::Lines => ("text", "text", "text"),
        // Browsers keep some of what a phone's number field takes from the script.
        Input::Number => ("number", "text", "decimal"),
        Input::Email => ("email", "email", "email"),
        Input::Password => ("password", "password", "text"),
        Input::Passcode => ("password", "password", "numeric"),
        Input::Phone => ("phone", "tel", "tel"),
    };
    let is_large = plain(&shown.properties, "label-variant") == Some("large");
    html! {
        div.field.typed.wrong[around.error.is_some()].large-label[is_large] {
            label for=(id) { (around.label) }
            @if input == Input::Lines {
                textarea id=(id) data-field=(field.name) data-kind=(kind) rows="3" maxlength=(most)
                    disabled[!field.is_enabled] aria-invalid=[around.is_wrong()]
                    aria-describedby=[around.described_by()] {
                    // The first line break after the tag is the parser's.
                    "\n" (text)
                }
                p.counter data-counter=(id) { (text.chars().count()) " / " (most) }
            } @else {
                input id=(id) type=(of_type) inputmode=(keys) data-field=(field.name) data-kind=(kind) value=(text)
                    maxlength=(most) autocomplete="off" disabled[!field.is_enabled]
                    aria-invalid=[around.is_wrong()] aria-describedby=[around.described_by()];
            }
            (around.below())
        }
    }
}

/// OptIn.
pub(super) fn switch(shown: &Shown, field: &Field) -> Markup {
    let around = Around::new(shown, field);
    let id = id_of(field);
    let is_on = shown.value.as_ref().and_then(value::flag) == Some(true);
    html! {
        div.field.opt-in.wrong[around.error.is_some()] {
            input id=(id) type="checkbox" data-field=(field.name) data-kind="switch" checked[is_on]
                disabled[!field.is_enabled] aria-invalid=[around.is_wrong()]
                aria-describedby=[around.described_by()];
            div {
                label for=(id) { (around.label) }
                @if shown.tap.is_some() {
                    " "
                    button.link type="button" id={ (around.id) "-more" } data-tap=(shown.id)
                        disabled[!shown.is_enabled] aria-label={ "Read more: " (field.label) } { "Read more" }
                }
                (around.below())
            }
        }
    }
}

/// PhotoPicker and DocumentPicker.
pub(super) fn files(shown: &Shown, field: &Field) -> Markup {
    let Rules::Files { least, most } = field.rules else { return Markup::default() };
    let around = Around::new(shown, field);
    let id = id_of(field);
    let is_photo = shown.kind == flow_json::Kind::PhotoPicker;
    let allowed = value::get(&shown.properties, "allowed-mime-types").map(value::texts).unwrap_or_default().join(",");
    let accept = if is_photo { "image/jpeg,image/png" } else { allowed.as_str() };
    let picked = shown.value.as_ref().and_then(value::list).unwrap_or_default();
    let what = if is_photo { "photos" } else { "documents" };
    html! {
        div.field.picker.wrong[around.error.is_some()] {
            label for=(id) { (around.label) }
            (around.above())
            input id=(id) type="file" multiple[most > 1] accept=[Some(accept).filter(|accept| !accept.is_empty())]
                data-field=(field.name) data-kind="files" disabled[!field.is_enabled]
                aria-invalid=[around.is_wrong()] aria-describedby=[around.described_by()];
            @if !picked.is_empty() {
                ul.files {
                    @for file in picked.iter().filter_map(value::object) {
                        li { (plain(file, "file_name").unwrap_or("a file without a name")) }
                    }
                }
            }
            p.helper { (picked.len()) " picked, " (least) " to " (most) " " (what) }
            (around.below())
        }
    }
}

/// The label for one end of a range.
pub(super) fn part_label(shown: &Shown, name: &str, otherwise: &str, is_required: bool) -> Markup {
    label(part(shown, "label", name).unwrap_or_else(|| html! { (otherwise) }), is_required)
}
