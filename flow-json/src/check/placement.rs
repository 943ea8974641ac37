//! How many of each component a screen takes, and what stands beside and inside what.

use super::rules::Rules;
use crate::code::Code;
use crate::finding::Severity;
use crate::model::{Component, Screen};
use crate::schema::Kind;
use crate::version::{V4_0, V6_3, V7_0, V7_1, Version};

const MAX_COMPONENTS: usize = 50;
const MAX_IF_DEPTH: usize = 3;
const MAX_CAROUSELS_OF_A_FLOW: usize = 3;

pub(super) fn check(rules: &mut Rules<'_>) {
    let version = rules.flow.version;
    let mut carousels = 0;
    for screen in &rules.flow.screens {
        counts(rules, screen, version);
        rich_text(rules, screen, version);
        navigation_list(rules, screen);
        pickers(rules, screen);
        for component in &screen.children {
            branches(rules, component, 0, version);
        }
        for carousel in screen.components().into_iter().filter(|component| component.kind == Kind::ImageCarousel) {
            carousels += 1;
            if carousels == MAX_CAROUSELS_OF_A_FLOW + 1 {
                let message = "the flow has more than 3 ImageCarousels";
                rules.findings.error(
                    Code::ComponentTypeMaxNumberPerScreen,
                    carousel.span.opening(),
                    message,
                    "at most 3 in a flow",
                );
            }
        }
    }
}

fn counts(rules: &mut Rules<'_>, screen: &Screen, version: Version) {
    let mut limits = vec![
        (Kind::EmbeddedLink, 2, Code::MaxEmbeddedLinkPerScreen),
        (Kind::Image, 3, Code::MaxImagePerScreen),
        (Kind::OptIn, 5, Code::MaxOptInPerScreen),
        (Kind::NavigationList, 2, Code::ComponentTypeMaxNumberPerScreen),
        (Kind::ImageCarousel, 2, Code::ComponentTypeMaxNumberPerScreen),
        (Kind::PhotoPicker, 1, Code::ComponentTypeMaxNumberPerScreen),
        (Kind::DocumentPicker, 1, Code::ComponentTypeMaxNumberPerScreen),
    ];
    if version >= V7_0 {
        limits.push((Kind::Form, 1, Code::ComponentTypeMaxNumberPerScreen));
    }
    let all = screen.components();
    for (kind, limit, code) in limits {
        let of_kind: Vec<&&Component> = all.iter().filter(|component| component.kind == kind).collect();
        let Some(over) = of_kind.get(limit) else { continue };
        // Of two branches one is shown.
        let shown = shown_at_once(&screen.children, kind);
        let severity = if shown > limit { Severity::Error } else { Severity::Warning };
        let message = format!("the screen has {} components of type {}", of_kind.len(), kind.name());
        let help = format!("at most {limit}: move the rest to another screen");
        rules.findings.add(severity, code, over.span.opening(), message, help);
    }
    let leaves = all.iter().filter(|component| component.blocks.is_empty()).count();
    if leaves > MAX_COMPONENTS {
        let message = format!("the screen has {leaves} components");
        let help = "at most 50: move the rest to another screen";
        rules.findings.error(Code::MaxAllowedComponentsPerScreen, screen.id.span, message, help);
    }
}

fn shown_at_once(components: &[Component], kind: Kind) -> usize {
    let inside = |component: &Component| {
        let blocks = component.blocks.iter().map(|block| shown_at_once(&block.children, kind));
        if component.kind == Kind::Form { blocks.sum() } else { blocks.max().unwrap_or(0) }
    };
    components.iter().map(|component| usize::from(component.kind == kind) + inside(component)).sum()
}

fn rich_text(rules: &mut Rules<'_>, screen: &Screen, version: Version) {
    let all = screen.components();
    let Some(text) = all.iter().find(|component| component.kind == Kind::RichText) else { return };
    let beside = |component: &&&Component| match component.kind {
        Kind::RichText => !std::ptr::eq(**component, *text),
        Kind::Footer => version < V6_3,
        Kind::Form | Kind::If | Kind::Switch => false,
        _ => true,
    };
    if let Some(other) = all.iter().find(beside) {
        let message = format!("{} stands on a screen with RichText", other.kind.name());
        let help =
            if version < V6_3 { "RichText alone; from 6.3 with a Footer" } else { "RichText alone, or with a Footer" };
        rules.findings.error(Code::InvalidRichtextPlacement, other.span.opening(), message, help);
    }
}

fn navigation_list(rules: &mut Rules<'_>, screen: &Screen) {
    let all = screen.components();
    if !all.iter().any(|component| component.kind == Kind::NavigationList) {
        return;
    }
    if let Some(other) = all.iter().find(|component| component.kind != Kind::NavigationList) {
        let message = format!("{} stands on a screen with a NavigationList", other.kind.name());
        let help = "one or two NavigationLists and nothing else, not even a Footer";
        rules.findings.error(Code::InvalidComponentPlacement, other.span.opening(), message, help);
    }
}

fn pickers(rules: &mut Rules<'_>, screen: &Screen) {
    let all = screen.components();
    let of_kind = |kind| all.iter().find(|component| component.kind == kind);
    if let (Some(photos), Some(documents)) = (of_kind(Kind::PhotoPicker), of_kind(Kind::DocumentPicker)) {
        let place = if photos.span > documents.span { photos.span } else { documents.span };
        let message = "PhotoPicker and DocumentPicker stand on one screen";
        rules.findings.error(Code::InvalidComponentPlacement, place.opening(), message, "one screen for each");
    }
}

/// What may stand in the branches of If and Switch, and how deep.
fn branches(rules: &mut Rules<'_>, component: &Component, depth: usize, version: Version) {
    let depth = depth + usize::from(component.kind == Kind::If);
    if component.kind == Kind::If && depth > MAX_IF_DEPTH {
        let help = "put the conditions together with `&&`";
        let message = "an If stands in more than two others";
        return rules.findings.error(Code::MaximumIfNesting, component.span.opening(), message, help);
    }
    for child in component.blocks.iter().flat_map(|block| &block.children) {
        if component.kind != Kind::Form {
            inside(rules, component.kind, child, version);
        } else if child.kind == Kind::Form {
            let message = "a Form stands in a Form";
            rules.findings.error(Code::InvalidComponentPlacement, child.span.opening(), message, "one Form a screen");
        }
        branches(rules, child, depth, version);
    }
}

fn inside(rules: &mut Rules<'_>, outer: Kind, child: &Component, version: Version) {
    let severity = match child.kind {
        Kind::TextHeading | Kind::TextSubheading | Kind::TextBody | Kind::TextCaption => return,
        Kind::CheckboxGroup | Kind::RadioButtonsGroup | Kind::Dropdown | Kind::DatePicker | Kind::OptIn => return,
        Kind::TextArea | Kind::TextInput | Kind::EmbeddedLink | Kind::Footer | Kind::Image => return,
        Kind::If | Kind::Switch if outer == Kind::If => return,
        Kind::ChipsSelector if version >= V7_1 => return,
        // The client's schema lets them in, the documentation does not name them.
        Kind::PhotoPicker | Kind::DocumentPicker => Severity::Warning,
        // Other tools say that it may, since 6.3.
        Kind::RichText if version >= V6_3 => Severity::Warning,
        _ => Severity::Error,
    };
    if version < V4_0 {
        return;
    }
    let message = format!("{} stands in {}", child.kind.name(), outer.name());
    let help = match child.kind {
        Kind::ChipsSelector => "from 7.1".to_owned(),
        Kind::If | Kind::Switch => "a Switch holds neither If nor Switch".to_owned(),
        _ => format!("put it beside the {}, with `visible`", outer.name()),
    };
    rules.findings.add(severity, Code::InvalidComponentPlacement, child.span.opening(), message, help);
}
