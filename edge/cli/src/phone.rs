//! A phone without a window: the screens of a flow as the messaging client plays them.
//!
//! It is told what the user does and what the endpoint answered, and says what is on the screen and what is to be sent. It
//! refuses to know how that is sealed, sent and waited for, and how a screen is drawn.

#![allow(dead_code, reason = "the face is that of a console as well, and a walk does not need all of it")]

mod action;
mod check;
mod date;
mod entry;
mod field;
mod layout;
mod message;
mod outcome;
#[cfg(test)]
mod tests;
pub(crate) mod value;
mod view;

use std::sync::Arc;

use flow_json::model::ActionKind;
use flow_json::{Action, Flow, Judge};
use prost_types::{Struct, Value};

use self::action::{Act, on_change, own};
pub(crate) use self::check::{admit, problem};
pub(crate) use self::date::Days;
#[cfg(test)]
pub(crate) use self::date::Written;
pub(crate) use self::entry::Untouched;
use self::entry::{Entry, Others, Seen};
pub(crate) use self::field::{Choice, Field, Input, Rules};
use self::layout::shown;
use self::message::Read;
pub(crate) use self::message::{Arrival, Failure, Outgoing};
pub(crate) use self::outcome::{Arrived, Effect, Ending, Error, What};
pub(crate) use self::view::{Shown, View};

/// One conversation on one phone.
#[derive(Debug)]
pub(crate) struct Phone {
    flow: Arc<Flow>,
    judge: Arc<Judge>,
    untouched: Untouched,
    /// The last is on the screen.
    stack: Vec<Entry>,
    /// Sent, and not answered yet.
    waiting: Option<Outgoing>,
    /// Sent, and come to nothing: what "try again" sends.
    failed: Option<Outgoing>,
    /// The request that waits was repeated under another key.
    is_repeat: bool,
    message: Option<String>,
    ending: Option<Ending>,
}

impl Phone {
    /// Opens a flow that an endpoint answers: it is asked for the first screen.
    pub(crate) fn ask(flow: Arc<Flow>, judge: Arc<Judge>, untouched: Untouched) -> (Self, Outgoing) {
        let mut phone = Self::closed(flow, judge, untouched);
        let init = Outgoing { action: Action::Init, screen: String::new(), data: Struct::default() };
        phone.waiting = Some(init.clone());
        (phone, init)
    }

    /// Opens a flow at a screen, as a message does that names one; without a name at the flow's first, without data with the
    /// examples of the file.
    pub(crate) fn open(
        flow: Arc<Flow>,
        judge: Arc<Judge>,
        screen: Option<&str>,
        data: Option<Struct>,
        untouched: Untouched,
    ) -> Result<Self, Error> {
        let found = match screen {
            Some(id) => flow.screen(id),
            None => flow.first_screen(),
        };
        let screen = found.ok_or_else(|| Error::NoScreen(screen.unwrap_or_default().to_owned()))?;
        let data = data.unwrap_or_else(|| screen.examples());
        let entry = Entry::new(screen.id.text.clone(), data);
        let mut phone = Self::closed(flow, judge, untouched);
        phone.stack.push(entry);
        Ok(phone)
    }

    fn closed(flow: Arc<Flow>, judge: Arc<Judge>, untouched: Untouched) -> Self {
        Self {
            flow,
            judge,
            untouched,
            stack: Vec::new(),
            waiting: None,
            failed: None,
            is_repeat: false,
            message: None,
            ending: None,
        }
    }

    /// What is shown; nothing before the first answer and after the end.
    pub(crate) fn screen(&self) -> Option<View> {
        let mut view = self.look(view::view).ok()?;
        view.message = self.message.clone();
        view.is_loading = self.waiting.is_some();
        view.can_go_back = self.stack.len() > 1;
        Some(view)
    }

    pub(crate) fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// The request that waits for its answer.
    pub(crate) fn waiting(&self) -> Option<&Outgoing> {
        self.waiting.as_ref()
    }

    /// Takes over a changed file. Screens that it has no more are taken from the stack.
    pub(crate) fn renew(&mut self, flow: Arc<Flow>, judge: Arc<Judge>) {
        self.stack.retain(|entry| flow.screen(&entry.screen).is_some());
        (self.flow, self.judge) = (flow, judge);
    }

    /// The user closes the flow.
    pub(crate) fn close(&mut self) {
        (self.waiting, self.failed) = (None, None);
        self.end(Ending::Closed);
    }

    /// Puts a value into a field; null takes out what is there.
    pub(crate) fn fill(&mut self, name: &str, value: Value) -> Result<Effect, Error> {
        self.ready()?;
        let before = self.look(|seen| {
            let field = field(seen, name)?;
            if !field.is_enabled {
                return Err(Error::Disabled);
            }
            admit(&field, &value).map_err(Error::Refused)?;
            Ok(value::get(&seen.form, name).cloned())
        })??;
        let Some(entry) = self.stack.last_mut() else { return Err(Error::NotOpen) };
        entry.put(name, value);
        self.message = None;
        let acts = self.look(|seen| {
            let form = seen.form_to_send(self.untouched);
            let scope = seen.scope(&form);
            let placed = shown(seen.screen, &seen.scope(&seen.form));
            let is_it = |component: &&flow_json::model::Component| component.name().is_some_and(|it| it.text == name);
            let component = placed.iter().map(|placed| placed.component).find(is_it);
            let Some(component) = component else { return Vec::new() };
            let Ok(field) = field(seen, name) else { return Vec::new() };
            on_change(component, &field, before.as_ref(), value::get(&seen.form, name), &scope)
        })?;
        let mut effect = Effect::Local;
        for act in acts {
            match self.run(act)? {
                Effect::Local => {}
                other => effect = other,
            }
        }
        Ok(effect)
    }

    /// Taps on a component, or on an item of it.
    pub(crate) fn tap(&mut self, id: &str, item: Option<&str>) -> Result<Effect, Error> {
        self.ready()?;
        let found = self.look(|seen| {
            let placed = shown(seen.screen, &seen.scope(&seen.form));
            let placed = placed.iter().find(|placed| placed.id == id).ok_or(Error::NoComponent)?;
            let component = placed.component;
            if !field::is(component, "enabled", &seen.scope(&seen.form)) {
                return Err(Error::Disabled);
            }
            if component.kind == flow_json::Kind::Footer {
                let problems = seen.problems();
                if !problems.is_empty() {
                    return Err(Error::Fields(problems));
                }
            }
            let action = own(component, "on-click-action");
            // What stays on the phone has a value for every field.
            let is_local = action.is_some_and(|action| action.kind == ActionKind::Navigate);
            let form = seen.form_to_send(if is_local { Untouched::Empty } else { self.untouched });
            let scope = seen.scope(&form);
            if let Some(item) = item {
                let items = field::choices(component, "list-items", &scope);
                let item = items.into_iter().find(|it| it.id == item).ok_or(Error::NoComponent)?;
                if let Some(act) = Act::of_choice(&item, "on-click-action") {
                    return Ok(act);
                }
            }
            action.map(|action| Act::of(action, &scope)).ok_or(Error::NothingToTap)
        });
        match found? {
            Err(error @ Error::Fields(_)) => {
                if let Some(entry) = self.stack.last_mut() {
                    entry.was_held_up = true;
                }
                Err(error)
            }
            Err(error) => Err(error),
            Ok(act) => {
                self.message = None;
                self.run(act)
            }
        }
    }

    /// Goes back: on the phone, or where the screen that is left says so, as a request.
    pub(crate) fn back(&mut self) -> Result<Effect, Error> {
        self.ready()?;
        if self.stack.len() < 2 {
            return Err(Error::NothingBefore);
        }
        let left = self.look(|seen| {
            let asks = seen.screen.refresh_on_back.is_some_and(|(refresh, _)| refresh) && seen.flow.has_endpoint();
            asks.then(|| seen.screen.id.text.clone())
        })?;
        self.message = None;
        match left {
            Some(screen) => Ok(self.send(Outgoing { action: Action::Back, screen, data: Struct::default() })),
            None => {
                self.stack.pop();
                Ok(Effect::Local)
            }
        }
    }

    /// Sends again what came to nothing: the same form.
    pub(crate) fn retry(&mut self) -> Option<Outgoing> {
        let failed = self.failed.take()?;
        self.waiting = Some(failed.clone());
        self.is_repeat = false;
        Some(failed)
    }

    /// Takes what came for the request that waits.
    pub(crate) fn arrive(&mut self, arrival: Arrival<'_>) -> Arrived {
        let Some(asked) = self.waiting.take() else { return Arrived { what: What::Unasked, verdicts: Vec::new() } };
        let read = Read::new(&asked, arrival, &self.judge);
        let was_repeat = std::mem::take(&mut self.is_repeat);
        let without = |what| Arrived { what, verdicts: Vec::new() };
        match read {
            Read::Screen { screen, data, message, verdicts } => {
                self.show(&asked, screen, data);
                self.message = message;
                Arrived { what: What::Shown, verdicts }
            }
            Read::Refused { verdicts, error, message } => {
                let notification = asked.notification(error, &message);
                self.failed = Some(asked);
                Arrived { what: What::Refused { notification, why: format!("{error}: {message}") }, verdicts }
            }
            Read::Success(params) => self.end(params.map_or(Ending::Closed, Ending::Completed)),
            Read::DeadToken(text) => self.end(Ending::Disabled(text)),
            Read::KeyChanged if !was_repeat => {
                self.is_repeat = true;
                self.waiting = Some(asked.clone());
                without(What::Repeat(asked))
            }
            Read::KeyChanged => self.fail(asked, Failure::Status(421)),
            Read::Failed(failure) => self.fail(asked, failure),
        }
    }

    fn end(&mut self, ending: Ending) -> Arrived {
        self.ending = Some(ending);
        self.stack.clear();
        Arrived { what: What::Ended, verdicts: Vec::new() }
    }

    fn fail(&mut self, asked: Outgoing, failure: Failure) -> Arrived {
        self.failed = Some(asked);
        Arrived { what: What::Failed(failure), verdicts: Vec::new() }
    }

    /// The same screen gets its new data, one before is gone back to, any other comes on top.
    fn show(&mut self, asked: &Outgoing, screen: String, data: Struct) {
        let place = self.stack.iter().rposition(|entry| entry.screen == screen);
        match place {
            Some(place) => {
                self.stack.truncate(place + 1);
                if let Some(entry) = self.stack.last_mut() {
                    entry.renew(data);
                }
            }
            None => {
                if asked.action == Action::Back {
                    self.stack.pop();
                }
                self.stack.push(Entry::new(screen, data));
            }
        }
    }

    fn run(&mut self, act: Act) -> Result<Effect, Error> {
        let Some(entry) = self.stack.last_mut() else { return Err(Error::NotOpen) };
        Ok(match act.kind {
            ActionKind::Navigate => {
                let next = act.next.unwrap_or_default();
                if self.flow.screen(&next).is_none() {
                    return Err(Error::NoScreen(next));
                }
                self.stack.push(Entry::new(next, act.payload));
                Effect::Local
            }
            ActionKind::UpdateData => {
                entry.data.fields.extend(act.payload.fields);
                Effect::Local
            }
            ActionKind::DataExchange => {
                let screen = entry.screen.clone();
                self.send(Outgoing { action: Action::DataExchange, screen, data: act.payload })
            }
            ActionKind::Complete => {
                self.end(Ending::Completed(act.payload.clone()));
                Effect::Completed(act.payload)
            }
            ActionKind::OpenUrl => Effect::OpenUrl(act.url.unwrap_or_default()),
        })
    }

    fn send(&mut self, outgoing: Outgoing) -> Effect {
        self.waiting = Some(outgoing.clone());
        self.failed = None;
        self.is_repeat = false;
        Effect::Send(outgoing)
    }

    fn ready(&self) -> Result<(), Error> {
        match (&self.waiting, self.stack.is_empty()) {
            (Some(_), _) => Err(Error::Loading),
            (None, true) => Err(Error::NotOpen),
            (None, false) => Ok(()),
        }
    }

    fn look<R>(&self, see: impl FnOnce(&Seen<'_>) -> R) -> Result<R, Error> {
        let (entry, below) = self.stack.split_last().ok_or(Error::NotOpen)?;
        let mut others: Others = Vec::new();
        for other in below {
            // Each reads those below it.
            let form = other.look(&self.flow, &others, |seen| seen.form_to_send(Untouched::Empty));
            others.push((other.screen.clone(), form.unwrap_or_default(), other.data.clone()));
        }
        entry.look(&self.flow, &others, see).ok_or_else(|| Error::NoScreen(entry.screen.clone()))
    }
}

/// A field that is shown.
fn field(seen: &Seen<'_>, name: &str) -> Result<Field, Error> {
    let scope = seen.scope(&seen.form);
    let is_it = |component: &flow_json::model::Component| component.name().is_some_and(|it| it.text == name);
    let placed = shown(seen.screen, &scope).into_iter().find(|placed| is_it(placed.component));
    placed.and_then(|placed| Field::new(placed.component, seen.flow, &scope)).ok_or(Error::NoComponent)
}
