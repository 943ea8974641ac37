//! The judge: an answer of the endpoint against the screens.
//!
//! Made once per file, since it stands on the way of every answer. Nothing is allocated for an answer in which nothing is
//! wrong, but for the ids of its options. It knows neither the envelope nor what becomes of its verdicts.

mod compile;
mod data;

use prost_types::Struct;

use crate::code::Code;
use crate::limits::{self, Path};
use crate::model::Flow;
use crate::verdict::{Severity, Verdict, Verdicts};

use compile::{Edition, Screen};

/// The screens of an endpoint, ready to hold answers against. Holds several editions of a file, since messages that were sent
/// open the edition of their day.
#[derive(Debug)]
pub struct Judge {
    /// Newest first.
    editions: Vec<Edition>,
}

/// What the client asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub action: Action,
    /// The screen that it was on; empty where it named none.
    pub screen: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Init,
    Back,
    DataExchange,
}

/// The next screen and its data; where the answer ends the flow there is nothing to judge.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub screen: &'a str,
    pub data: &'a Struct,
}

impl Judge {
    /// Takes the editions of one file, newest first.
    pub fn new<'a>(editions: impl IntoIterator<Item = &'a Flow>) -> Self {
        Self { editions: editions.into_iter().map(Edition::new).collect() }
    }

    /// Holds an answer against the newest edition that has its screen.
    pub fn judge(&self, request: &Request<'_>, answer: &Answer<'_>) -> Vec<Verdict> {
        let mut verdicts = Verdicts::default();
        // An older edition counts where the newest with this screen never had the one that the client comes from.
        let has = |edition: &&Edition, id: &str| edition.screens.contains_key(id);
        let with_answer = || self.editions.iter().filter(|edition| has(edition, answer.screen));
        let with_both = || with_answer().find(|edition| request.screen.is_empty() || has(edition, request.screen));
        let edition = match &*self.editions {
            [only] => Some(only),
            _ => with_both().or_else(|| with_answer().next()),
        };
        let Some((edition, screen)) = edition.and_then(|it| Some((it, it.screens.get(answer.screen)?))) else {
            let message = "the flow has no such screen".to_owned();
            verdicts.add(Code::InvalidScreenTransition, Severity::Refused, "/screen".to_owned(), message);
            return verdicts.into_list();
        };
        if answer.screen == "SUCCESS" {
            let message = "the name ends the flow, whatever screen is called so".to_owned();
            verdicts.add(Code::ScreenIdIsReservedKeyword, Severity::ShownWrongly, "/screen".to_owned(), message);
        }
        edition.transition(request, answer.screen, screen, &mut verdicts);
        data::check(screen, answer.data, &mut verdicts);
        for binding in &screen.bindings {
            let Some(value) = crate::expression::at(answer.data, &binding.path) else { continue };
            if binding.waits(value, answer.data) {
                continue;
            }
            limits::check(binding.shown, value, &Path::way("/data", &binding.path), &mut |code, path, message| {
                verdicts.add(code, Severity::ShownWrongly, path.pointer(), message);
            });
        }
        verdicts.into_list()
    }

    /// The ids of all screens, each once: a bounded set for labels.
    pub fn screens(&self) -> Vec<&str> {
        let mut ids: Vec<&str> =
            self.editions.iter().flat_map(|edition| edition.screens.keys()).map(String::as_str).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Some edition has this screen.
    pub fn has_screen(&self, id: &str) -> bool {
        self.screen(id).is_some()
    }

    /// The screen needs no data: an answer with nothing but `error_message` fits it in every edition that has it. False for a
    /// screen that no edition has.
    pub fn fits_error_message_alone(&self, id: &str) -> bool {
        let mut found = self.editions.iter().filter_map(|edition| edition.screens.get(id)).peekable();
        found.peek().is_some() && found.all(|screen| screen.declared.as_ref().is_none_or(Vec::is_empty))
    }

    /// The flow can end here, by the newest edition that has the screen.
    pub fn is_terminal(&self, id: &str) -> bool {
        self.screen(id).is_some_and(|screen| screen.terminal)
    }

    /// The flow can begin here, by the newest edition that has the screen.
    pub fn is_entry(&self, id: &str) -> bool {
        self.screen(id).is_some_and(|screen| screen.entry)
    }

    fn screen(&self, id: &str) -> Option<&Screen> {
        self.editions.iter().find_map(|edition| edition.screens.get(id))
    }
}

impl Edition {
    /// The same screen and those that follow it are fine; the way back works on the web and may fail on phones.
    fn transition(&self, request: &Request<'_>, to: &str, screen: &Screen, verdicts: &mut Verdicts) {
        let mut refuse = |message: &str| {
            verdicts.add(Code::InvalidScreenTransition, Severity::Refused, "/screen".to_owned(), message.to_owned());
        };
        if request.action == Action::Init {
            return match request.screen {
                "" if screen.entry => {}
                "" => refuse("a flow begins with a screen that follows no other"),
                named if named == to => {}
                _ => refuse("the client named the screen to begin with, and this is another"),
            };
        }
        let Some(from) = self.screens.get(request.screen) else { return };
        if request.screen == to {
            if from.navigation_list {
                let message = "a screen with a NavigationList is answered with itself".to_owned();
                verdicts.add(Code::BackwardTransition, Severity::ShownWrongly, "/screen".to_owned(), message);
            }
            return;
        }
        // With an endpoint the client lets the items of a list lead anywhere.
        if from.navigation_list || from.next.iter().any(|next| next == to) {
            return;
        }
        if screen.next.iter().any(|next| next == request.screen) {
            if request.action != Action::Back {
                let message = "a way back: it works on the web and may fail on phones".to_owned();
                verdicts.add(Code::BackwardTransition, Severity::ShownWrongly, "/screen".to_owned(), message);
            }
            return;
        }
        if request.action == Action::Back && self.leads(to, request.screen) {
            let message = "a screen further back than the one before".to_owned();
            verdicts.add(Code::BackwardTransition, Severity::ShownWrongly, "/screen".to_owned(), message);
            return;
        }
        refuse("no route leads here from the screen that the client was on");
    }
}
