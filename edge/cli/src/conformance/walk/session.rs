//! One walk: a phone, a connection, and what was sent and answered.
//!
//! It does what it is told and refuses to know why.

use std::collections::BTreeSet;
use std::sync::Arc;

use flow_json::verdict::Severity;
use flow_json::{Code, Flow, Judge};

use super::fault::{Blocked, Fault, Kind, Warning, Why, general};
use super::moves::{Move, Pick};
use super::sample;
use crate::call::{CallError, Connection};
use crate::client::{Object, complete, completion, fresh_flow_token, has_foreign_token};
use crate::conformance::logic::Service;
use crate::phone::{
    Arrival, Effect, Ending, Error as PhoneError, Field, Outgoing, Phone, Shown, Untouched, View, What,
};

/// How the name of a step begins to say that something was chosen.
const IS_CHOSEN: &str = " is chosen on ";

/// What all walks stand on.
#[derive(Debug, Clone)]
pub(super) struct Ground<'a> {
    pub(super) service: &'a Service,
    pub(super) flow: Arc<Flow>,
    pub(super) judge: Arc<Judge>,
}

/// A request and its answer.
#[derive(Debug, Clone)]
pub(super) struct Exchanged {
    pub(super) asked: Outgoing,
    /// Under another token than the walk's.
    pub(super) is_others: bool,
    /// It was asked because something was chosen.
    pub(super) is_choice: bool,
    pub(super) name: String,
    pub(super) status: u16,
    pub(super) body: Object,
}

#[derive(Debug)]
pub(super) struct Session<'a> {
    ground: &'a Ground<'a>,
    connection: Option<Connection>,
    flow_token: String,
    untouched: Untouched,
    pub(super) phone: Phone,
    pub(super) log: Vec<Exchanged>,
    pub(super) warnings: BTreeSet<Warning>,
    /// From which screen to which; from nowhere where the flow was opened.
    pub(super) steps: Vec<(String, String)>,
    loses_next: bool,
    /// What logic itself said to the last request.
    said: Option<String>,
}

/// What a move came to.
#[derive(Debug)]
pub(super) enum Done {
    Moved,
    /// The phone did not let the user.
    NotPossible,
    /// Fields are in the way that the user cannot fill.
    Blocked(Vec<Blocked>),
}

impl<'a> Session<'a> {
    /// Opens the flow.
    pub(super) async fn open(ground: &'a Ground<'a>, untouched: Untouched) -> (Self, Result<(), Fault>) {
        let (phone, init) = ground.phone(untouched);
        let mut session = Self {
            ground,
            connection: None,
            flow_token: fresh_flow_token(),
            untouched,
            phone,
            log: Vec::new(),
            warnings: BTreeSet::new(),
            steps: Vec::new(),
            loses_next: false,
            said: None,
        };
        let opened = session.exchange(init, "the flow is opened").await;
        (session, opened)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.phone.ending().is_some()
    }

    pub(super) async fn make(&mut self, next: &Move) -> Result<Done, Fault> {
        match next {
            Move::Fill { field, pick } => self.fill(field, *pick).await,
            Move::Tap { id, item } => {
                let Some(view) = self.phone.screen() else { return Ok(Done::NotPossible) };
                let Some(component) = view.component(id) else { return Ok(Done::NotPossible) };
                let item = match item {
                    None => None,
                    Some(place) => {
                        let Some(place) = place.checked_rem(component.items.len()) else {
                            return Ok(Done::NotPossible);
                        };
                        component.items.get(place).map(|item| item.id.clone())
                    }
                };
                self.tap(&view, component, item.as_deref()).await
            }
            Move::GoOn => self.go_on().await,
            Move::Back => {
                let from = self.screen();
                match self.phone.back() {
                    Ok(effect) => self.follow(effect, &from, format!("back from {from}")).await,
                    Err(_) => Ok(Done::NotPossible),
                }
            }
            Move::LoseNext => {
                self.loses_next = true;
                Ok(Done::Moved)
            }
            Move::Reopen => {
                let (phone, init) = self.ground.phone(self.untouched);
                self.phone = phone;
                self.exchange(init, "the message is opened again").await.map(|()| Done::Moved)
            }
            Move::Other => {
                let (mut phone, init) = self.ground.phone(self.untouched);
                std::mem::swap(&mut phone, &mut self.phone);
                let own = std::mem::replace(&mut self.flow_token, fresh_flow_token());
                let opened = self.exchange(init, "somebody else opens the flow").await;
                if let Some(last) = self.log.last_mut() {
                    last.is_others = true;
                }
                self.flow_token = own;
                self.phone = phone;
                opened.map(|()| Done::Moved)
            }
        }
    }

    fn screen(&self) -> String {
        self.phone.screen().map(|view| view.screen).unwrap_or_default()
    }

    async fn fill(&mut self, field: &str, pick: Pick) -> Result<Done, Fault> {
        let view = self.phone.screen();
        let found = view.as_ref().and_then(|view| view.field(field)).and_then(|shown| shown.field.as_ref());
        let Some(value) = found.and_then(|field| sample::value(field, pick)) else { return Ok(Done::NotPossible) };
        let from = self.screen();
        match self.phone.fill(field, value) {
            Ok(effect) => self.follow(effect, &from, format!("{field}{IS_CHOSEN}{from}")).await,
            Err(_) => Ok(Done::NotPossible),
        }
    }

    async fn tap(&mut self, view: &View, component: &Shown, item: Option<&str>) -> Result<Done, Fault> {
        let what = match component.kind {
            flow_json::Kind::Footer => format!("{} is submitted", view.screen),
            kind => format!("{} is used on {}", kind.name(), view.screen),
        };
        match self.phone.tap(&component.id, item) {
            Ok(effect) => self.follow(effect, &view.screen, what).await,
            Err(PhoneError::Fields(problems)) => {
                let blocked: Vec<_> = problems.iter().filter_map(|(name, _)| blocked(view, name)).collect();
                // What is left the user could fill.
                Ok(if blocked.is_empty() { Done::NotPossible } else { Done::Blocked(blocked) })
            }
            Err(_) => Ok(Done::NotPossible),
        }
    }

    /// Fills what is missing, in order, and taps on the Footer.
    async fn go_on(&mut self) -> Result<Done, Fault> {
        let from = self.screen();
        let mut tried: BTreeSet<String> = BTreeSet::new();
        loop {
            let Some(view) = self.phone.screen().filter(|view| view.screen == from) else { return Ok(Done::Moved) };
            let Some(footer) = view.footer() else { return Ok(self.without_footer(&view)) };
            let is_wanted = |shown: &Shown| shown.problem.is_some() || (!footer.is_enabled && shown.value.is_none());
            let missing = view.components.iter().find_map(|shown| {
                let field = shown.field.as_ref().filter(|field| field.is_enabled && is_wanted(shown))?;
                (!tried.contains(&field.name)).then(|| field.name.clone())
            });
            match missing {
                Some(name) => {
                    self.fill(&name, Pick::PLAIN).await?;
                    tried.insert(name);
                }
                None if footer.is_enabled => return self.tap(&view, footer, None).await,
                None => return Ok(Done::Blocked(Vec::new())),
            }
        }
    }

    /// A screen without a Footer leads on by something else, or only back.
    fn without_footer(&self, view: &View) -> Done {
        let leads = |shown: &Shown| shown.tap.is_some() || shown.select.is_some() || !shown.items.is_empty();
        let is_meant_to = self.ground.flow.screen(&view.screen).is_some_and(|screen| {
            screen
                .components()
                .iter()
                .any(|it| it.actions.iter().any(|action| action.property.text == "on-click-action"))
        });
        let leads_on = view.components.iter().any(leads);
        if leads_on || (view.can_go_back && !is_meant_to) { Done::NotPossible } else { Done::Blocked(Vec::new()) }
    }

    async fn follow(&mut self, effect: Effect, from: &str, name: String) -> Result<Done, Fault> {
        match effect {
            Effect::Send(outgoing) => self.exchange(outgoing, &name).await.map(|()| Done::Moved),
            Effect::Local => {
                let to = self.screen();
                if to != from {
                    self.steps.push((from.to_owned(), to));
                }
                Ok(Done::Moved)
            }
            Effect::Completed(_) | Effect::OpenUrl(_) => Ok(Done::Moved),
        }
    }

    async fn exchange(&mut self, asked: Outgoing, name: &str) -> Result<(), Fault> {
        let mut lost_end = false;
        if std::mem::take(&mut self.loses_next) {
            let lost = self.send(&asked, &format!("{name}, and the answer is lost")).await?;
            // The phone never sees it; what it would have refused is found without the loss.
            if lost.0 != 200 && lost.0 != 427 {
                return Err(self.failed(&asked, lost.0));
            }
            lost_end = completion(&lost.1).is_some();
        }
        let (status, body) = self.send(&asked, name).await?;
        if lost_end && status == 200 && completion(&body).is_none() {
            let text = "the same form, sent again after a lost answer, does not end the flow a second time".to_owned();
            self.warnings.insert(Warning { screen: asked.screen.clone(), text });
        }
        if body.get("screen").is_some()
            && let Some(params) = completion(&body)
            && has_foreign_token(params, &self.flow_token)
        {
            return Err(Fault::new(&asked, Kind::ForeignToken));
        }
        let from = asked.screen.clone();
        let arrived = self.phone.arrive(Arrival::Answer { status, body: Some(&body) });
        for verdict in arrived.verdicts.iter().filter(|verdict| verdict.severity == Severity::ShownWrongly) {
            if verdict.code == Code::OptionCount && self.waits_for_content(&verdict.pointer) {
                continue;
            }
            let place = general(&verdict.pointer);
            let text = format!("{place} ({}): {}", verdict.code.as_str(), verdict.message);
            self.warnings.insert(Warning { screen: from.clone(), text });
        }
        match arrived.what {
            What::Shown | What::Unasked => {
                self.steps.push((from, self.screen()));
                Ok(())
            }
            What::Ended => {
                if let Some(Ending::Completed(_) | Ending::Closed) = self.phone.ending() {
                    self.steps.push((from, "SUCCESS".to_owned()));
                }
                Ok(())
            }
            What::Refused { why, .. } => Err(Fault::new(&asked, Kind::Refused { verdicts: arrived.verdicts, why })),
            What::Repeat(_) | What::Failed(_) => Err(self.failed(&asked, status)),
        }
    }

    /// An empty list that is disabled gets its content later, as in Meta's own examples.
    fn waits_for_content(&self, pointer: &str) -> bool {
        let Some(view) = self.phone.screen() else { return false };
        let Some(screen) = self.ground.flow.screen(&view.screen) else { return false };
        let key = pointer.trim_start_matches("/data/");
        let mut bound = screen.fields().into_iter().filter(|(_, component)| {
            let reference = component.get("data-source").and_then(|it| it.value.expression()?.as_reference());
            reference.is_some_and(|it| it.screen.is_none() && it.path.join("/") == key)
        });
        bound.all(|(name, _)| {
            let field = view.field(&name.text).and_then(|shown| shown.field.as_ref());
            field.is_none_or(|field| !field.is_enabled && field.options().is_empty())
        })
    }

    fn failed(&self, asked: &Outgoing, status: u16) -> Fault {
        Fault::new(asked, Kind::Status { status, said: self.said.clone() })
    }

    /// Status and body of the answer, which is kept.
    async fn send(&mut self, asked: &Outgoing, name: &str) -> Result<(u16, Object), Fault> {
        let message = complete(asked.to_message(), &self.flow_token, |_| "verified by the edge".to_owned());
        let answer = match &self.connection {
            Some(connection) => connection.exchange(&self.ground.service.endpoint, &message).await,
            None => match Connection::make(&self.ground.service.target).await {
                Ok(connection) => {
                    self.connection.insert(connection).exchange(&self.ground.service.endpoint, &message).await
                }
                Err(error) => Err(error),
            },
        };
        let mut exchanged = Exchanged {
            asked: asked.clone(),
            is_others: false,
            is_choice: name.contains(IS_CHOSEN),
            name: name.to_owned(),
            status: 0,
            body: Object::new(),
        };
        let answer: Result<_, CallError> = answer;
        match answer {
            Ok(answer) => {
                exchanged.status = answer.status;
                exchanged.body = answer.body.unwrap_or_default();
                self.said = answer.said;
                let came = (exchanged.status, exchanged.body.clone());
                self.log.push(exchanged);
                Ok(came)
            }
            Err(error) => {
                self.log.push(exchanged);
                self.connection = None;
                Err(Fault::new(asked, Kind::NoAnswer(error.to_string())))
            }
        }
    }
}

impl Ground<'_> {
    fn phone(&self, untouched: Untouched) -> (Phone, Outgoing) {
        Phone::ask(Arc::clone(&self.flow), Arc::clone(&self.judge), untouched)
    }
}

/// A field that the endpoint leaves no way to fill.
fn blocked(view: &View, name: &str) -> Option<Blocked> {
    let field: &Field = view.field(name)?.field.as_ref()?;
    let nothing_offered = field.is_choice() && !field.options().iter().any(|option| option.is_enabled);
    let why = match field.is_enabled {
        false => Why::Disabled,
        true if nothing_offered => Why::NothingOffered,
        true => return None,
    };
    Some(Blocked { field: field.name.clone(), why })
}
