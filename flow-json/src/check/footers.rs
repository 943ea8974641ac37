//! One Footer a screen; in branches, one in each.

use super::rules::Rules;
use crate::code::Code;
use crate::model::Component;
use crate::schema::Kind;

pub(super) fn check(rules: &mut Rules<'_>) {
    for screen in &rules.flow.screens {
        let mut found = Vec::new();
        top(rules, &screen.children, &mut found);
        if let Some((footer, _)) = found.get(1) {
            let in_branches = found.iter().any(|(_, branch)| *branch);
            let code = if in_branches { Code::MoreThanOneFooter } else { Code::MaxFooterPerScreen };
            let message = format!("the screen has {} Footers", found.len());
            let help = if in_branches { "none beside the If or Switch that holds one" } else { "one" };
            rules.findings.error(code, footer.span.opening(), message, help);
        }
    }
}

/// The Footers of a level, where an If or a Switch counts as one, and whether each stands in a branch.
fn top<'a>(rules: &mut Rules<'_>, components: &'a [Component], found: &mut Vec<(&'a Component, bool)>) {
    for component in components {
        match component.kind {
            Kind::Footer => found.push((component, false)),
            Kind::Form => component.blocks.iter().for_each(|block| top(rules, &block.children, found)),
            Kind::If | Kind::Switch => {
                if let Some(footer) = branches(rules, component) {
                    found.push((footer, true));
                }
            }
            _ => {}
        }
    }
}

/// The first Footer in the branches, after a look whether all have one.
fn branches<'a>(rules: &mut Rules<'_>, component: &'a Component) -> Option<&'a Component> {
    let mut first = None;
    let mut with = 0;
    for block in &component.blocks {
        let footers: Vec<&Component> = block.children.iter().filter(|child| child.kind == Kind::Footer).collect();
        if let Some(second) = footers.get(1) {
            let message = format!("`{}` has {} Footers", block.name.text, footers.len());
            rules.findings.error(Code::MoreThanOneFooter, second.span.opening(), message, "one");
        }
        with += usize::from(!footers.is_empty());
        first = first.or(footers.first().copied());
        for child in block.children.iter().filter(|child| matches!(child.kind, Kind::If | Kind::Switch)) {
            if let Some(footer) = branches(rules, child) {
                let message = "a Footer stands in an If that stands in another";
                let help = "a Footer in each branch of the outer one";
                rules.findings.error(Code::InvalidComponentPlacement, footer.span.opening(), message, help);
            }
        }
    }
    let (all, code) = match component.kind {
        Kind::If => (2, Code::MissingFooterInIfElseBranches),
        _ => (component.blocks.len(), Code::MissingFooterInSwitchBranches),
    };
    if let Some(footer) = first
        && with < all
    {
        let help = "a Footer in every branch, `else` included; or one outside, and none in them";
        rules.findings.error(code, footer.span.opening(), "some branches have a Footer and others have none", help);
    }
    first
}
