//! Which screens and routes of the flow the walks have seen.

use std::collections::BTreeSet;

use flow_json::Flow;

/// Screens, routes and taps.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    pub(super) screens: BTreeSet<String>,
    pub(super) routes: BTreeSet<(String, String)>,
    /// Screens whose Footer did something, or what else leads on where there is none.
    pub(super) left: BTreeSet<String>,
    /// Screen and component of what was tapped on.
    pub(super) tapped: BTreeSet<(String, String)>,
}

impl Coverage {
    pub(super) fn add(&mut self, steps: &[(String, String)]) {
        for (from, to) in steps {
            self.screens.insert(to.clone());
            self.routes.insert((from.clone(), to.clone()));
        }
    }
}

/// The routes of the file, each once, in its order.
pub(super) fn routes(flow: &Flow) -> Vec<(String, String)> {
    let mut routes = Vec::new();
    for (from, to) in flow.edges() {
        let route = (from.text.clone(), to.text.clone());
        if !routes.contains(&route) {
            routes.push(route);
        }
    }
    routes
}
