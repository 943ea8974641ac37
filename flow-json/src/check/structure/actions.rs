//! Actions against what each may hold, and where it may stand.

use super::report::Structure;
use crate::code::Code;
use crate::json::{Node, cut};
use crate::schema::{Place, Shape};

impl Structure<'_> {
    pub(super) fn action(&mut self, node: &Node<'_>, property: &str, place: Place) {
        let allowed = if property == "on-unselect-action" { &["update_data"] } else { place.actions(self.version) };
        let Some(written) = node.get("name") else {
            let message = format!("`{property}` has no `name`");
            let help = format!("one of {}", allowed.join(", "));
            return self.findings.error(Code::MissingRequiredProperty, node.span.opening(), message, help);
        };
        let Some(name) = written.text() else { return self.wrong_type(written, "name", Shape::Static) };
        if !allowed.contains(&name) {
            let message = format!("`{}` is no action of this `{property}`", cut(name));
            let help = self.findings.did_you_mean(name, allowed);
            return self.findings.add(self.unknown_is(), Code::InvalidEnumValue, written.span, message, help);
        }
        let (known, required): (&[&str], Option<&str>) = match name {
            "navigate" => (&["name", "next", "payload"], Some("next")),
            "update_data" => (&["name", "payload"], Some("payload")),
            "open_url" => (&["name", "url"], Some("url")),
            _ => (&["name", "payload"], None),
        };
        for member in node.members() {
            if member.key == "next" && !known.contains(&"next") {
                let help = "remove it, or make the action `navigate`";
                let message = format!("`{name}` has no `next`");
                self.findings.error(Code::NotKeywordSchemaValidationFailed, member.key_span, message, help);
            } else if !known.contains(&member.key.as_ref()) {
                let message = format!("`{name}` has no property `{}`", cut(&member.key));
                let help = self.findings.did_you_mean(&member.key, known);
                self.findings.add(self.unknown_is(), Code::InvalidPropertyKey, member.key_span, message, help);
            }
        }
        if let Some(required) = required.filter(|required| node.get(required).is_none()) {
            let message = format!("`{name}` has no `{required}`");
            self.findings.error(Code::MissingRequiredProperty, node.span.opening(), message, "");
        }
        if let Some(payload) = node.get("payload").filter(|payload| !payload.is_object()) {
            self.wrong_type(payload, "payload", Shape::Map);
        }
        if let Some(url) = node.get("url").filter(|url| name == "open_url" && url.text().is_none()) {
            self.wrong_type(url, "url", Shape::String);
        }
        if let Some(next) = node.get("next").filter(|_| name == "navigate") {
            self.next(next);
        }
    }

    fn next(&mut self, next: &Node<'_>) {
        if !next.is_object() {
            return self.wrong_type(next, "next", Shape::Map);
        }
        const NEXT: [&str; 2] = ["type", "name"];
        for member in next.members().iter().filter(|member| !NEXT.contains(&member.key.as_ref())) {
            let message = format!("`next` has no property `{}`", cut(&member.key));
            self.findings.add(
                self.unknown_is(),
                Code::InvalidPropertyKey,
                member.key_span,
                message,
                self.findings.did_you_mean(&member.key, &NEXT),
            );
        }
        for key in NEXT.iter().filter(|key| next.get(key).is_none()) {
            let help = "\"next\": {\"type\": \"screen\", \"name\": \"SCREEN_ID\"}";
            let message = format!("`next` has no `{key}`");
            self.findings.error(Code::MissingRequiredProperty, next.span.opening(), message, help);
        }
        match next.get("type").map(|node| (node, node.text())) {
            None | Some((_, Some("screen"))) => {}
            Some((node, Some("plugin"))) => {
                let help = "\"screen\" is the documented one";
                let message = "what `plugin` does is not documented";
                self.findings.warning(Code::InvalidEnumValue, node.span, message, help);
            }
            Some((node, _)) => {
                self.findings.error(Code::InvalidEnumValue, node.span, "`type` of `next` is unknown", "\"screen\"");
            }
        }
        if let Some(name) = next.get("name") {
            match name.text() {
                Some(text) => self.known(name, "name", text),
                None => self.wrong_type(name, "name", Shape::Static),
            }
        }
    }
}
